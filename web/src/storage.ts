/** How firmly this browser keeps what is stored: asked for where a learner does something that is meant to last. */

/** Asks the browser not to clear this site's data by itself. It may refuse, or ask the learner; nothing depends on it. */
export function askToPersist(): void {
  navigator.storage?.persist?.().catch(() => undefined);
}
