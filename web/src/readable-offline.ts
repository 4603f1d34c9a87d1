/** Which modules can be read with no network, because a copy is on this device. Asked of the client, never of the network. */
import { signal } from "@preact/signals";
import { paths } from "./api.ts";
import { fetchAnswer } from "./kairos.ts";

export const readableOffline = signal<ReadonlySet<string>>(new Set());

const asked = new Set<string>();

/** Finds out for each of `slugs` that is not known to be readable yet. */
export async function lookForCopies(slugs: string[]): Promise<void> {
  const unknown = slugs.filter((slug) => !readableOffline.value.has(slug) && !asked.has(slug));
  for (const slug of unknown) asked.add(slug);
  const found: string[] = [];
  for (const slug of unknown) {
    const hasCopy = await fetchAnswer(paths.module(slug), false).then(() => true, () => false);
    if (hasCopy) found.push(slug);
    asked.delete(slug);
  }
  if (found.length > 0) readableOffline.value = new Set([...readableOffline.value, ...found]);
}

/** Fetches a copy of a module that is likely to be read next. That it fails harms nobody. */
export function keepCopy(slug: string): void {
  fetchAnswer(paths.module(slug)).then(
    () => {
      readableOffline.value = new Set([...readableOffline.value, slug]);
    },
    () => undefined,
  );
}
