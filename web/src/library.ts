/**
 * What several views need to know of the whole catalogue and of the learner's whole progress: titles by slug, the order of a
 * subject, the record of a module. Loaded in the background, once, from what is stored where it may be.
 */
import { computed, effect, signal } from "@preact/signals";
import { type ModuleSummary, type ProgressRecord, paths } from "./api.ts";
import { fetchQuery, isSignedIn, userId } from "./kairos.ts";
import { PagedList } from "./paged-list.ts";
import { whenQuiet } from "./quiet.ts";

/** So many pages are enough for 2,000 modules and as many records; beyond them slugs are shown for titles. */
const MAX_PAGES = { catalogue: 40, progress: 20 };

const catalogue = signal<PagedList<ModuleSummary> | undefined>(undefined);
const progress = signal<PagedList<ProgressRecord> | undefined>(undefined);

export const summaries = computed(() => new Map((catalogue.value?.items.value ?? []).map((item) => [item.slug, item])));
export const records = computed(() => new Map((progress.value?.items.value ?? []).map((item) => [item.module, item])));
/** Whether {@link records} says all there is to know for now: it was loaded, or cannot be. */
export const recordsFetched = computed(() => {
  const list = progress.value;
  return list !== undefined && (list.items.value !== undefined || list.error.value !== undefined);
});
export const subjects = computed(() => [...new Set([...summaries.value.values()].map((item) => item.subject))].sort());

/** Whether {@link summaries} has the whole catalogue, as this device last heard of it. */
export const isCatalogueHere = computed(() => catalogue.value?.items.value !== undefined && !catalogue.value.hasMore.value);

/** Loads the catalogue, in the pages that its view has too. Call once, when nothing else is on the line. */
export function openCatalogue(): void {
  catalogue.value = new PagedList((cursor) => paths.modules({ ...(cursor && { cursor }) }), MAX_PAGES.catalogue);
}

/** Loads the learner's records, and starts over when somebody else signs in. Call once. */
export function openRecords(): void {
  effect(() => {
    if (userId.value === undefined || !isSignedIn.value) return;
    void whenQuiet().then(fetchForLater);
    const list = new PagedList<ProgressRecord>(paths.progress, MAX_PAGES.progress);
    progress.value = list;
    return () => {
      list.close();
      progress.value = undefined;
    };
  });
}

/** What a learner may want to see with no network, before they have looked at it with one. */
async function fetchForLater(): Promise<void> {
  for (const path of [paths.statistics, paths.history()]) if (isSignedIn.peek()) await fetchQuery(path).catch(() => undefined);
}

export function titleOf(slug: string): string {
  return summaries.value.get(slug)?.title ?? slug;
}

/** The modules before and after `slug` in its subject. */
export function neighbours(slug: string): { previous: ModuleSummary | undefined; next: ModuleSummary | undefined } {
  const subject = summaries.value.get(slug)?.subject;
  const inOrder = [...summaries.value.values()]
    .filter((item) => item.subject === subject)
    .sort((a, b) => a.position - b.position || (a.slug < b.slug ? -1 : 1));
  const place = inOrder.findIndex((item) => item.slug === slug);
  return place < 0 ? { previous: undefined, next: undefined } : { previous: inOrder[place - 1], next: inOrder[place + 1] };
}
