/** What a learner can record in a module: that it is finished, and scores. */
import { MAX_SCORE, PASS_SCORE } from "@kairos/client/contract";
import { useId, useState } from "preact/hooks";
import type { Action, ProgressRecord } from "../api.ts";
import { formatDuration, formatScore, statusName } from "../format.ts";
import { asKairosError, record, status } from "../kairos.ts";
import { announce } from "./announcer.tsx";
import { Icon } from "./icon.tsx";
import { t } from "../messages/messages.ts";

export function ModuleActions({ slug, progress }: { slug: string; progress: ProgressRecord | undefined }) {
  const isCompleted = progress?.status === "completed";
  return (
    <section class="module-actions" aria-labelledby="your-progress">
      <header>
        <h2 id="your-progress">{t().module.yourProgress}</h2>
        <span class={`badge badge-${progress?.status ?? "not_started"}`}>{statusName(progress?.status ?? "not_started")}</span>
      </header>
      <dl class="facts">
        <dt>{t().module.time}</dt>
        <dd>{formatDuration(progress?.time_spent_secs ?? 0)}</dd>
        <dt>{t().module.best}</dt>
        <dd>{formatScore(progress?.best_score)}</dd>
        {progress !== undefined && progress.attempts > 0 && <><dt>{t().module.attempts}</dt><dd>{progress.attempts}</dd></>}
      </dl>
      <div class="module-actions-row">
        {isCompleted
          ? <p class="done"><Icon name="check" /> {t().module.done}</p>
          : <button type="button" class="button button-primary" onClick={() => void recordAndAnnounce(slug, { kind: "complete" }, t().module.finished)}><Icon name="check" /> {t().module.finish}</button>}
        <ScoreForm slug={slug} />
      </div>
    </section>
  );
}

function ScoreForm({ slug }: { slug: string }) {
  const id = useId();
  const [typed, setTyped] = useState("");
  const [isWrong, setWrong] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    const score = Number(typed);
    const isRight = /^\d{1,3}$/.test(typed.trim()) && score <= MAX_SCORE;
    setWrong(!isRight);
    if (!isRight) return;
    setTyped("");
    void recordAndAnnounce(slug, { kind: "submit", score }, t().module.recorded(score));
  };
  return (
    <form class="score-form" noValidate onSubmit={submit}>
      <label for={id}>{t().module.score}</label>
      <p class="hint">{t().module.scoreHint(PASS_SCORE)}</p>
      <input
        id={id} class="input" type="text" inputMode="numeric" autocomplete="off" value={typed} aria-invalid={isWrong} aria-describedby={isWrong ? `${id}-error` : undefined}
        placeholder={`0–${MAX_SCORE}`} onInput={(event) => setTyped(event.currentTarget.value)}
      />
      <button type="submit" class="button">{t().module.record}</button>
      {isWrong && <p id={`${id}-error`} class="field-error" role="alert">{t().module.wrongScore(MAX_SCORE)}</p>}
    </form>
  );
}

async function recordAndAnnounce(slug: string, action: Action, done: string): Promise<void> {
  try {
    const isDurable = await record(slug, action);
    announce(status.value.reachable ? `${done}.` : isDurable ? t().module.sentLater(done) : t().module.keptNowhere(done));
  } catch (thrown) {
    announce(t().module.notRecorded(asKairosError(thrown).message));
  }
}
