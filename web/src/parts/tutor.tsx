/** The tutor on a module's page: a question, the answer as it is written, and the passages that it rests on. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { renderAnswer, sectionAddress } from "../markdown.ts";
import { status } from "../kairos.ts";
import { type TutorState, ask, MAX_QUESTION_CHARS, type TutorAnswer } from "../tutor.ts";
import { t } from "../messages/messages.ts";

export function Tutor({ slug }: { slug: string }) {
  const [tutorState, setTutorState] = useState<TutorState>();
  const [question, setQuestion] = useState("");
  const under = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => under.current?.abort(), []);
  const submit = (event: Event) => {
    event.preventDefault();
    if (question.trim() === "") return;
    under.current?.abort();
    under.current = new AbortController();
    void ask(question.trim(), slug, under.current.signal, setTutorState);
  };
  const isBusy = tutorState?.state === "waiting" || tutorState?.state === "writing";
  return (
    <section class="tutor" aria-labelledby="tutor-title">
      <h2 id="tutor-title">{t().tutor.title}</h2>
      <form class="tutor-form" onSubmit={submit}>
        <label class="visually-hidden" for="question">{t().tutor.question}</label>
        <input
          id="question" class="input" autocomplete="off" maxLength={MAX_QUESTION_CHARS} placeholder={t().tutor.placeholder} dir="auto"
          value={question} onInput={(event) => setQuestion(event.currentTarget.value)}
        />
        <button type="submit" class="button" disabled={isBusy}>{isBusy ? t().form.busy : t().tutor.ask}</button>
      </form>
      {!status.value.reachable && <p class="remark">{t().tutor.needsNetwork}</p>}
      <div aria-live="polite" aria-busy={isBusy}>{tutorState !== undefined && <Outcome tutorState={tutorState} />}</div>
    </section>
  );
}

function Outcome({ tutorState }: { tutorState: TutorState }) {
  switch (tutorState.state) {
    case "waiting":
      return <p class="remark">{t().tutor.looking}</p>;
    case "writing":
      return <Text markdown={tutorState.text} />;
    case "answered":
      return <Reply answer={tutorState.answer} isReplaced={tutorState.isReplaced} />;
    case "failed":
      return <p class="form-error" role="alert">{explain(tutorState.code, tutorState.detail)}</p>;
  }
}

function Reply({ answer, isReplaced }: { answer: TutorAnswer; isReplaced: boolean }) {
  return (
    <>
      {isReplaced && <p class="remark">{t().tutor.replaced}</p>}
      {answer.source === "passages" && <p class="remark">{answer.passages.length === 0 ? t().tutor.nothing : t().tutor.passages}</p>}
      {(answer.source !== "passages" || answer.passages.length === 0) && <Text markdown={answer.answer} />}
      {answer.is_cut && <p class="remark">{t().tutor.cut}</p>}
      {answer.passages.length > 0 && (
        <div class="tutor-passages">
          {answer.source !== "passages" && <h3>{t().tutor.restsOn}</h3>}
          <ul class="tutor-list">
            {answer.passages.map(({ module, title, heading }) => (
              <li key={`${module}#${heading}`}><a href={sectionAddress(module, heading)} dir="auto">{heading === "" ? title : `${title}: ${heading}`}</a></li>
            ))}
          </ul>
        </div>
      )}
      {(answer.source === "model" || answer.source === "fallback" || answer.source === "cached") && <p class="hint">{answer.source === "cached" ? t().tutor.cached : t().tutor.model}</p>}
    </>
  );
}

function Text({ markdown }: { markdown: string }) {
  const html = useMemo(() => renderAnswer(markdown), [markdown]);
  return <div class="tutor-answer prose" dir="auto" dangerouslySetInnerHTML={{ __html: html as string }} />;
}

function explain(code: string, detail: string): string {
  switch (code) {
    case "offline":
      return t().tutor.offline;
    case "unauthenticated":
      return t().tutor.ended;
    case "too-many-requests":
      return t().tutor.tooMany;
    default:
      return t().tutor.failed(detail);
  }
}
