/**
 * Keeps what is shown of a path current. What changes is on this device by the time the client says so: what was recorded here is applied to
 * what is stored, and what came from the network was stored. So it is read from there, and the network is asked once things are calm
 * again: not after each of a learner's steps, for the whole list.
 */
import { type Manner, onChanged, whenOpen } from "./kairos.ts";

/** Without a change for so long, what is stored and marked stale is asked for again. */
const CALM_MS = 5_000;

/** What a load found: `stale` is to be asked for again in a while, `provisional` as soon as the client is open. */
export type Found = "current" | "stale" | "provisional" | "nothing" | "overtaken";

/** Loads now, and whenever `path` may have changed, until the returned function is called. */
export function keepCurrent(path: string, load: (manner: Manner) => Promise<Found>): () => void {
  let isOver = false;
  let calm: ReturnType<typeof setTimeout> | undefined;
  const run = async (manner: Manner) => {
    clearTimeout(calm);
    const found = await load(manner);
    if (isOver) return;
    // It was stored for all that, and may be newer than what overtook it.
    if (found === "overtaken" && manner !== "stored") void run("stored");
    else if (found === "provisional") void whenOpen().then(() => (isOver ? undefined : run("policy")));
    else if (manner === "stored" && found === "nothing") void run("policy");
    else if (manner === "stored" && found === "stale") calm = setTimeout(() => void run("policy"), CALM_MS);
  };
  void run("policy");
  const stop = onChanged(path, () => void run("stored"));
  return () => {
    isOver = true;
    clearTimeout(calm);
    stop();
  };
}
