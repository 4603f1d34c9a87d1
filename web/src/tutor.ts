/** TutorState the tutor: a question goes out, an answer comes as it is written. Not how it is shown, nor made safe (`markdown.ts`). */
import { paths as routes } from "@kairos/client/contract";
import type { Problem } from "./api.ts";
import { asKairosError, whenOpen } from "./kairos.ts";

export interface Passage {
  module: string;
  title: string;
  heading: string;
}

export interface TutorAnswer {
  answer: string;
  source: "model" | "fallback" | "cached" | "passages";
  is_cut: boolean;
  passages: Passage[];
}

/** As the API has it. */
export const MAX_QUESTION_CHARS = 500;

export type TutorState =
  | { state: "waiting" }
  | { state: "writing"; text: string }
  | { state: "answered"; answer: TutorAnswer; isReplaced: boolean }
  | { state: "failed"; code: string; detail: string };

/** Asks, and calls `show` with each state until the last. Never rejects; after `signal` is aborted nothing more is shown. */
export async function ask(question: string, module: string, signal: AbortSignal, show: (tutorState: TutorState) => void): Promise<void> {
  const tell = (tutorState: TutorState) => signal.aborted || show(tutorState);
  tell({ state: "waiting" });
  try {
    const client = await whenOpen();
    const response = await client.request(routes.TUTOR_ANSWERS, {
      method: "POST",
      headers: { accept: "text/event-stream", "content-type": "application/json" },
      body: JSON.stringify({ question, module }),
      signal,
    });
    if (!response.ok) {
      const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
      tell({ state: "failed", code: problem.type?.split(/[/:]/).at(-1) ?? "internal", detail: problem.detail ?? "" });
      return;
    }
    await follow(response, tell);
  } catch (thrown) {
    if (!signal.aborted) tell({ state: "failed", code: thrown instanceof Error && thrown.name === "KairosError" ? asKairosError(thrown).code : "offline", detail: "" });
  }
}

async function follow(response: Response, tell: (tutorState: TutorState) => void): Promise<void> {
  let text = "";
  for await (const { event, data } of eventsOf(response)) {
    if (event === "text") {
      text += (data as { text: string }).text;
      tell({ state: "writing", text });
    } else if (event === "done" || event === "error") {
      tell({ state: "answered", answer: data as TutorAnswer, isReplaced: event === "error" && text !== "" });
      return;
    }
  }
  tell({ state: "failed", code: "offline", detail: "" });
}

/** The events of a `text/event-stream` whose data is JSON. */
async function* eventsOf(response: Response): AsyncGenerator<{ event: string; data: unknown }> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (pending + value.replaceAll("\r", "")).split("\n\n");
    pending = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string) => block.split("\n").filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trim()).join("\n");
      const data = field("data");
      if (data !== "") yield { event: field("event"), data: JSON.parse(data) };
    }
  }
}
