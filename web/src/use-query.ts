/** A component's view of one path: its query result, kept up to date. Lists are in `paged-list.ts`. */
import { signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { KairosError } from "@kairos/client";
import { asKairosError, fetchQuery, type Manner, type ReceivedResult } from "./kairos.ts";
import { type Found, keepCurrent } from "./kept-current.ts";
import { Newest } from "./newest.ts";
import { contentShown, whileShown } from "./quiet.ts";

export interface QueryState<T> {
  result: ReceivedResult<T> | undefined;
  error: KairosError | undefined;
  /** Asks the network, however fresh the stored response is. */
  refetch: () => void;
}

class Query<T> {
  readonly result = signal<ReceivedResult<T> | undefined>(undefined);
  readonly error = signal<KairosError | undefined>(undefined);
  readonly #path: string;
  readonly #newest = new Newest();
  readonly #stop: () => void;
  #isClosed = false;

  constructor(path: string) {
    this.#path = path;
    this.#stop = keepCurrent(path, (manner) => this.load(manner));
  }

  close(): void {
    this.#isClosed = true;
    this.#stop();
  }

  async load(manner: Manner): Promise<Found> {
    const turn = this.#newest.begin();
    try {
      const result = await whileShown(fetchQuery<T>(this.#path, manner));
      if (this.#isClosed || !this.#newest.accepts(turn, result)) return "overtaken";
      this.result.value = asStored(result, manner, this.result.value);
      this.error.value = undefined;
      return result.isProvisional ? "provisional" : result.stale ? "stale" : "current";
    } catch (thrown) {
      const error = asKairosError(thrown);
      if (manner !== "stored" && !this.#isClosed && this.#newest.isLatest(turn)) this.error.value = error;
      return "nothing";
    } finally {
      contentShown();
    }
  }
}

/** What is read again because of one's own steps does not look older for that. */
export function asStored<R extends ReceivedResult<unknown>>(result: R, manner: Manner, before: R | undefined): R {
  return manner === "stored" && before !== undefined ? { ...result, stale: result.stale && before.stale } : result;
}

export function useQuery<T>(path: string): QueryState<T> {
  const query = useMemo(() => new Query<T>(path), [path]);
  useEffect(() => () => query.close(), [query]);
  return { result: query.result.value, error: query.error.value, refetch: () => void query.load("network") };
}
