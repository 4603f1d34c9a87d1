/** A list that comes in pages: what was loaded of it, kept up to date. One query alone is `use-query.ts`. */
import { batch, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { KairosError } from "@kairos/client";
import type { Page } from "./api.ts";
import { asKairosError, fetchQuery, type Manner, type ReceivedResult } from "./kairos.ts";
import { type Found, keepCurrent } from "./kept-current.ts";
import { contentShown, whileShown } from "./quiet.ts";
import { asStored } from "./use-query.ts";

/** The path of the page that `cursor` names; without one, of the first. */
export type PathOf = (cursor?: string) => string;

export class PagedList<T> {
  /** Undefined until the first page is there. */
  readonly items = signal<T[] | undefined>(undefined);
  /** The oldest of the results that the items are from. */
  readonly oldest = signal<ReceivedResult<Page<T>> | undefined>(undefined);
  readonly error = signal<KairosError | undefined>(undefined);
  readonly hasMore = signal(false);
  readonly isLoading = signal(false);

  readonly #pathOf: PathOf;
  #pagesWanted: number;
  /** Grows with each load, so that one that was overtaken notices. */
  #generation = 0;
  readonly #stop: () => void;

  /** Loads the first `pagesWanted` pages, and again whenever they may have changed. */
  constructor(pathOf: PathOf, pagesWanted = 1) {
    this.#pathOf = pathOf;
    this.#pagesWanted = pagesWanted;
    this.#stop = keepCurrent(pathOf(), (manner) => this.load(manner));
  }

  more(): void {
    this.#pagesWanted += 1;
    void this.load();
  }

  async load(manner: Manner = "policy"): Promise<Found> {
    this.#generation += 1;
    const generation = this.#generation;
    this.isLoading.value = true;
    const pages: ReceivedResult<Page<T>>[] = [];
    let error: KairosError | undefined;
    let cursor: string | undefined;
    do {
      try {
        pages.push(await whileShown(fetchQuery<Page<T>>(this.#pathOf(cursor), manner)));
      } catch (thrown) {
        error = asKairosError(thrown);
      }
      if (generation !== this.#generation) return "overtaken";
      cursor = pages.at(-1)?.body.next_cursor;
    } while (error === undefined && cursor !== undefined && pages.length < this.#pagesWanted);
    // What is not stored yet has to be asked for; until then the list stays what it is.
    if (manner === "stored" && error !== undefined) return "nothing";
    this.#show(pages, cursor !== undefined, error, manner);
    contentShown();
    if (pages.some((page) => page.isProvisional)) return "provisional";
    return pages.some((page) => page.stale) ? "stale" : "current";
  }

  close(): void {
    this.#generation += 1;
    this.#stop();
  }

  #show(pages: ReceivedResult<Page<T>>[], hasMore: boolean, error: KairosError | undefined, manner: Manner): void {
    batch(() => {
      this.isLoading.value = false;
      this.error.value = error;
      const [first, ...rest] = pages;
      if (first === undefined) return;
      this.items.value = pages.flatMap((page) => page.body.items);
      this.oldest.value = asStored(rest.reduce((a, b) => (b.ageMs > a.ageMs ? b : a), first), manner, this.oldest.value);
      this.hasMore.value = hasMore;
    });
  }
}

/** The list for `key`: another key is another list. */
export function usePagedList<T>(pathOf: PathOf, key: string): PagedList<T> {
  const list = useMemo(() => new PagedList<T>(pathOf), [key]);
  useEffect(() => () => list.close(), [list]);
  return list;
}
