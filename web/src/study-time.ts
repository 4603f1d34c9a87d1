/** Time spent on a module: counted while it is on the screen and somebody is there, recorded in chunks. */
import { useEffect } from "preact/hooks";
import { record, userId } from "./kairos.ts";

const TICK_MS = 1_000;
/** A chunk is recorded this often while reading goes on, so that a crash loses little. */
const CHUNK_SECS = 180;
/** A glance is no study: less than this is not recorded. */
const LEAST_SECS = 5;
/** With no key, pointer or scrolling for so long, nobody is reading. */
const IDLE_MS = 300_000;
const SIGNS_OF_LIFE = ["pointermove", "pointerdown", "keydown", "scroll"] as const;

export function useStudyTime(slug: string): void {
  useEffect(() => {
    const learner = userId.peek();
    let seconds = 0;
    let lastSignMs = performance.now();
    const flush = () => {
      // Somebody else signed in meanwhile, or nobody is: the time is not theirs.
      if (seconds < LEAST_SECS || userId.peek() !== learner) return;
      record(slug, { kind: "study", seconds }).catch(() => undefined);
      seconds = 0;
    };
    const onSign = () => {
      lastSignMs = performance.now();
    };
    const onVisibility = () => (document.visibilityState === "hidden" ? flush() : onSign());
    const timer = setInterval(() => {
      if (document.visibilityState === "hidden" || performance.now() - lastSignMs > IDLE_MS) return;
      seconds += 1;
      if (seconds >= CHUNK_SECS) flush();
    }, TICK_MS);
    for (const sign of SIGNS_OF_LIFE) addEventListener(sign, onSign, { passive: true });
    document.addEventListener("visibilitychange", onVisibility);
    addEventListener("pagehide", flush);
    return () => {
      clearInterval(timer);
      for (const sign of SIGNS_OF_LIFE) removeEventListener(sign, onSign);
      document.removeEventListener("visibilitychange", onVisibility);
      removeEventListener("pagehide", flush);
      flush();
    };
  }, [slug]);
}
