/** The end of a list that comes in pages: a button for the next page, or why it could not be had. */
import type { PagedList } from "../paged-list.ts";

export function More<T>({ list, what }: { list: PagedList<T>; what: string }) {
  const isShown = list.items.value !== undefined;
  if (isShown && list.error.value !== undefined) {
    return (
      <p class="more" role="status">
        {list.error.value.code === "offline" ? `The following ${what} are not on this device.` : `The following ${what} could not be loaded.`}{" "}
        <button type="button" class="button button-small" onClick={() => void list.load()}>Try again</button>
      </p>
    );
  }
  if (!isShown || !list.hasMore.value) return null;
  return (
    <p class="more">
      <button type="button" class="button" disabled={list.isLoading.value} onClick={() => list.more()}>
        {list.isLoading.value ? "Loading…" : `Load more ${what}`}
      </button>
    </p>
  );
}
