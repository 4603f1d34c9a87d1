/** The current time as a signal, for ages that tick. It stands still while nobody looks. */
import { signal } from "@preact/signals";

const TICK_MS = 1_000;

export const nowMs = signal(Date.now());

/** Call once. */
export function startClock(): void {
  const tick = () => {
    nowMs.value = Date.now();
  };
  setInterval(() => document.visibilityState === "visible" && tick(), TICK_MS);
  document.addEventListener("visibilitychange", tick);
}
