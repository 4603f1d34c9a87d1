/** The end of a list that comes in pages: a button for the next page, or why it could not be had. */
import type { PagedList } from "../paged-list.ts";
import { t } from "../messages/messages.ts";

export function More<T>({ list, what }: { list: PagedList<T>; what: "modules" | "entries" | "records" }) {
  const isShown = list.items.value !== undefined;
  if (isShown && list.error.value !== undefined) {
    return (
      <p class="more" role="status">
        {list.error.value.code === "offline" ? t().more.notHere(t().more[what]) : t().more.notLoaded(t().more[what])}{" "}
        <button type="button" class="button button-small" onClick={() => void list.load()}>{t().tryAgain}</button>
      </p>
    );
  }
  if (!isShown || !list.hasMore.value) return null;
  return (
    <p class="more">
      <button type="button" class="button" disabled={list.isLoading.value} onClick={() => list.more()}>
        {list.isLoading.value ? t().loading : t().more.load(t().more[what])}
      </button>
    </p>
  );
}
