/** What just happened, in a line that is also read aloud. Not for errors that somebody has to react to. */
import { signal } from "@preact/signals";

const SHOWN_MS = 6_000;

const message = signal("");
let hide: ReturnType<typeof setTimeout> | undefined;

export function announce(text: string): void {
  clearTimeout(hide);
  message.value = text;
  hide = setTimeout(() => {
    message.value = "";
  }, SHOWN_MS);
}

export function Announcer() {
  return (
    <div class="announcer" role="status" aria-live="polite">
      {message.value !== "" && <p>{message}</p>}
    </div>
  );
}
