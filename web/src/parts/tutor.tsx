/** The tutor on a module's page: a question, the answer as it is written, and the passages that it rests on. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { renderAnswer, sectionAddress } from "../markdown.ts";
import { status } from "../kairos.ts";
import { type Asking, ask, MAX_QUESTION_CHARS, type TutorAnswer } from "../tutor.ts";

export function Tutor({ slug }: { slug: string }) {
  const [asking, setAsking] = useState<Asking>();
  const [question, setQuestion] = useState("");
  const under = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => under.current?.abort(), []);
  const submit = (event: Event) => {
    event.preventDefault();
    if (question.trim() === "") return;
    under.current?.abort();
    under.current = new AbortController();
    void ask(question.trim(), slug, under.current.signal, setAsking);
  };
  const isBusy = asking?.state === "waiting" || asking?.state === "writing";
  return (
    <section class="tutor" aria-labelledby="tutor-title">
      <h2 id="tutor-title">Ask about this module</h2>
      <form class="tutor-form" onSubmit={submit}>
        <label class="visually-hidden" for="question">Your question</label>
        <input
          id="question" class="input" autocomplete="off" maxLength={MAX_QUESTION_CHARS} placeholder="What would you like to know?" dir="auto"
          value={question} onInput={(event) => setQuestion(event.currentTarget.value)}
        />
        <button type="submit" class="button" disabled={isBusy}>{isBusy ? "One moment…" : "Ask"}</button>
      </form>
      {!status.value.reachable && <p class="remark">The tutor needs the network. What you have read here stays.</p>}
      <div aria-live="polite" aria-busy={isBusy}>{asking !== undefined && <Outcome asking={asking} />}</div>
    </section>
  );
}

function Outcome({ asking }: { asking: Asking }) {
  switch (asking.state) {
    case "waiting":
      return <p class="remark">Looking through the modules…</p>;
    case "writing":
      return <Text markdown={asking.text} />;
    case "answered":
      return <Answer answer={asking.answer} isReplaced={asking.isReplaced} />;
    case "failed":
      return <p class="form-error" role="alert">{explain(asking.code, asking.detail)}</p>;
  }
}

function Answer({ answer, isReplaced }: { answer: TutorAnswer; isReplaced: boolean }) {
  return (
    <>
      {isReplaced && <p class="remark">What was being written broke off; this is the answer instead.</p>}
      {answer.source === "passages" && <p class="remark">{answer.passages.length === 0 ? "Nothing in the catalogue fits this question." : "Nobody wrote an answer this time. These passages fit best:"}</p>}
      {(answer.source !== "passages" || answer.passages.length === 0) && <Text markdown={answer.answer} />}
      {answer.is_cut && <p class="remark">There was more to say than there was time for.</p>}
      {answer.passages.length > 0 && (
        <div class="tutor-passages">
          {answer.source !== "passages" && <h3>It rests on</h3>}
          <ul class="tutor-list">
            {answer.passages.map(({ module, title, heading }) => (
              <li key={`${module}#${heading}`}><a href={sectionAddress(module, heading)} dir="auto">{heading === "" ? title : `${title}: ${heading}`}</a></li>
            ))}
          </ul>
        </div>
      )}
      {(answer.source === "model" || answer.source === "fallback" || answer.source === "cached") && <p class="hint">A model wrote this{answer.source === "cached" ? ", when the same was asked before" : ""}. It can be wrong; the passages are the course’s own.</p>}
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
      return "The tutor cannot be reached: there is no network, or Kaïros does not answer. Ask again when it is back.";
    case "unauthenticated":
      return "Your session has ended. Sign in again to ask.";
    case "too-many-requests":
      return "That were many questions for one day. The tutor answers again tomorrow.";
    default:
      return `The tutor has no answer right now. ${detail}`.trim();
  }
}
