/**
 * Several tabs follow each other: one that signs in or out, or records something, tells the others, and a tab that comes back (also
 * from the back/forward cache) looks by itself. What they then find is the client's business, which shares its storage with them.
 */
const CHANNEL = "kairos-tabs";
/** Coming back several times within this is once. */
const PAUSE_MS = 1_000;

let channel: BroadcastChannel | undefined;

/** Tells the other tabs that what is stored is different now. */
export function tellOtherTabs(): void {
  channel?.postMessage("changed");
}

/** Calls `look` when another tab says so, and when this one is shown again. Call once. */
export function followOtherTabs(look: () => void): void {
  let lookedAtMs = performance.now();
  if (typeof BroadcastChannel !== "undefined") {
    channel = new BroadcastChannel(CHANNEL);
    channel.onmessage = () => {
      lookedAtMs = performance.now();
      // The client looks at the disk when its page is shown again, and this is as good a reason.
      document.dispatchEvent(new Event("visibilitychange"));
      look();
    };
  }
  const onReturn = () => {
    if (document.visibilityState === "hidden" || performance.now() - lookedAtMs < PAUSE_MS) return;
    lookedAtMs = performance.now();
    look();
  };
  document.addEventListener("visibilitychange", onReturn);
  addEventListener("pageshow", (event) => event.persisted && look());
}
