/** Which modules can be read with no network, because they are stored on this device. Asked of the client, never of the network. */
import { signal } from "@preact/signals";
import { paths } from "./api.ts";
import { fetchQuery } from "./kairos.ts";

export const readableOffline = signal<ReadonlySet<string>>(new Set());

const asked = new Set<string>();

/** Finds out for each of `slugs` that is not known to be readable yet. */
export async function lookForStored(slugs: string[]): Promise<void> {
  const unknown = slugs.filter((slug) => !readableOffline.value.has(slug) && !asked.has(slug));
  for (const slug of unknown) asked.add(slug);
  const found: string[] = [];
  for (const slug of unknown) {
    const isStored = await fetchQuery(paths.module(slug), "stored").then(() => true, () => false);
    if (isStored) found.push(slug);
    asked.delete(slug);
  }
  if (found.length > 0) readableOffline.value = new Set([...readableOffline.value, ...found]);
}

/** Fetches a module, so that it is stored. Resolves with whether it is. */
export async function keepModule(slug: string): Promise<boolean> {
  const isThere = await fetchQuery(paths.module(slug)).then(() => true, () => false);
  if (isThere) readableOffline.value = new Set([...readableOffline.value, slug]);
  return isThere;
}

/** Keeps a module that is likely to be read next. That it fails harms nobody. */
export function prefetchModule(slug: string): void {
  void keepModule(slug);
}
