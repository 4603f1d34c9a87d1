/** Keeping a whole course on this device: every module of a subject, one after the other, so that it can be read with no network. */
import { signal } from "@preact/signals";
import type { ModuleSummary } from "./api.ts";
import { keepModule, lookForStored, readableOffline } from "./readable-offline.ts";
import { askToPersist } from "./storage.ts";

export type Keeping = "under way" | "broken off";

/** By subject; absent where nothing is under way. */
export const keeping = signal<ReadonlyMap<string, Keeping>>(new Map());

/** Fetches what is not stored yet. What is there stays when it breaks off, and is not fetched again the next time. */
export async function keepCourse(subject: string, items: ModuleSummary[]): Promise<void> {
  if (keeping.value.get(subject) === "under way") return;
  note(subject, "under way");
  askToPersist();
  await lookForStored(items.map((item) => item.slug));
  for (const { slug } of items) {
    if (readableOffline.value.has(slug) || (await keepModule(slug))) continue;
    note(subject, "broken off");
    return;
  }
  note(subject, undefined);
}

function note(subject: string, state: Keeping | undefined): void {
  const states = new Map(keeping.value);
  if (state === undefined) states.delete(subject);
  else states.set(subject, state);
  keeping.value = states;
}
