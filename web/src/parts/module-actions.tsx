/** What a learner can record in a module: that it is finished, and scores. */
import { MAX_SCORE, PASS_SCORE } from "@kairos/client/contract";
import { useId, useState } from "preact/hooks";
import type { Action, ProgressRecord } from "../api.ts";
import { formatDuration, formatScore, STATUS_NAMES } from "../format.ts";
import { asKairosError, record, status } from "../kairos.ts";
import { announce } from "./announcer.tsx";
import { Icon } from "./icon.tsx";

export function ModuleActions({ slug, progress }: { slug: string; progress: ProgressRecord | undefined }) {
  const isCompleted = progress?.status === "completed";
  return (
    <section class="module-actions" aria-labelledby="your-progress">
      <header>
        <h2 id="your-progress">Your progress here</h2>
        <span class={`badge badge-${progress?.status ?? "not_started"}`}>{STATUS_NAMES[progress?.status ?? "not_started"]}</span>
      </header>
      <dl class="facts">
        <dt>Time</dt>
        <dd>{formatDuration(progress?.time_spent_secs ?? 0)}</dd>
        <dt>Best score</dt>
        <dd>{formatScore(progress?.best_score)}</dd>
        {progress !== undefined && progress.attempts > 0 && <><dt>Attempts</dt><dd>{progress.attempts}</dd></>}
      </dl>
      <div class="module-actions-row">
        {isCompleted
          ? <p class="done"><Icon name="check" /> You have finished this.</p>
          : <button type="button" class="button button-primary" onClick={() => void recordAndAnnounce(slug, { kind: "complete" }, "Finished")}><Icon name="check" /> I have finished this</button>}
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
    void recordAndAnnounce(slug, { kind: "submit", score }, `Score of ${score} % recorded`);
  };
  return (
    <form class="score-form" noValidate onSubmit={submit}>
      <label for={id}>Score in percent</label>
      <p class="hint">{PASS_SCORE} % or more finishes the module.</p>
      <input
        id={id} class="input" type="text" inputMode="numeric" autocomplete="off" value={typed} aria-invalid={isWrong} aria-describedby={isWrong ? `${id}-error` : undefined}
        placeholder={`0–${MAX_SCORE}`} onInput={(event) => setTyped(event.currentTarget.value)}
      />
      <button type="submit" class="button">Record score</button>
      {isWrong && <p id={`${id}-error`} class="field-error" role="alert">Enter a whole number from 0 to {MAX_SCORE}.</p>}
    </form>
  );
}

async function recordAndAnnounce(slug: string, action: Action, done: string): Promise<void> {
  try {
    const isDurable = await record(slug, action);
    const whatFollows = isDurable ? "Kept on this device, sent" : "This device keeps nothing, so leave this tab open: it is sent";
    announce(status.value.reachable ? `${done}.` : `${done}. ${whatFollows} once Kaïros answers again.`);
  } catch (thrown) {
    announce(`Not recorded: ${asKairosError(thrown).message}`);
  }
}
