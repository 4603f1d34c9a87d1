/** What comes first on the line: what is read now, then what is needed next, then the rest. Whoever fetches the rest waits here. */

/** Nothing that a view asked for is under way for so long, and the line is free. */
const QUIET_MS = 400;
/** A view that does not get what it asks for must not keep the rest waiting for good. */
const LONGEST_WAIT_MS = 8_000;

let underWay = 0;
let lastMs = monotonicMs();
let begin: () => void;

/** Resolves when the first view has its content, or has waited for it long enough. */
export const readingBegins = new Promise<void>((resolve) => {
  begin = resolve;
  setTimeout(resolve, LONGEST_WAIT_MS);
});

/** Milliseconds that never go back, on the scale of `Date.now()` as it was when the page began. */
export function monotonicMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Notes that something a view shows is being fetched, until `work` is over. */
export async function whileShown<T>(work: Promise<T>): Promise<T> {
  underWay += 1;
  try {
    return await work;
  } finally {
    underWay -= 1;
    lastMs = monotonicMs();
  }
}

/** Call when a view shows its content. */
export function contentShown(): void {
  // After it was painted: what is fetched from then on takes nothing from it.
  requestAnimationFrame(() => setTimeout(begin));
}

/** Resolves when what is on the screen is complete and nothing is under way for it. */
export async function whenQuiet(): Promise<void> {
  await readingBegins;
  while (underWay > 0 || monotonicMs() - lastMs < QUIET_MS || document.readyState !== "complete") {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS / 4));
  }
}
