/** What the learner did, newest first, day by day. */
import { type HistoryEntry, paths, views } from "../api.ts";
import { describeAction, formatDay, formatTimeOfDay } from "../format.ts";
import { status } from "../kairos.ts";
import { titleOf } from "../library.ts";
import { usePagedList } from "../paged-list.ts";
import { Icon } from "../parts/icon.tsx";
import { More } from "../parts/more.tsx";
import { Empty, Failure, Loading } from "../parts/notices.tsx";
import { SignedIn } from "../parts/signed-in.tsx";
import { View } from "../parts/view.tsx";
import { t } from "../messages/messages.ts";

export function HistoryPage() {
  return <SignedIn title={t().history} what={t().what.history}>{() => <History />}</SignedIn>;
}

function History() {
  const list = usePagedList<HistoryEntry>(paths.history, "history");
  const items = list.items.value;
  return (
    <View title={t().history} result={list.oldest.value}>
      {items === undefined
        ? list.error.value === undefined ? <Loading what={t().what.history} /> : <Failure error={list.error.value} what={t().what.history} onRetry={() => void list.load("network")} />
        : <Days items={items} />}
      <More list={list} what="entries" />
    </View>
  );
}

function Days({ items }: { items: HistoryEntry[] }) {
  if (items.length === 0) {
    return (
      <Empty title={t().historyView.empty}>
        <p>{t().historyView.advice}</p>
        <a class="button button-primary" href={views.catalogue}>{t().chooseModule}</a>
      </Empty>
    );
  }
  const unsent = new Set(status.value.pending.map((operation) => operation.id));
  return (
    <>
      {groupByDay(items).map(([day, entries]) => (
        <section key={day} class="day">
          <h2>{day}</h2>
          <ol class="timeline">{entries.map((entry) => <Entry key={entry.id} entry={entry} isUnsent={unsent.has(entry.id)} />)}</ol>
        </section>
      ))}
    </>
  );
}

function Entry({ entry, isUnsent }: { entry: HistoryEntry; isUnsent: boolean }) {
  return (
    <li data-kind={entry.action.kind}>
      <time dateTime={new Date(entry.at_ms).toISOString()}>{formatTimeOfDay(entry.at_ms)}</time>
      <span>{describeAction(entry.action)} <a href={views.module(entry.module)}>{titleOf(entry.module)}</a></span>
      {isUnsent && <span class="badge"><Icon name="waiting" /> {t().historyView.unsent}</span>}
    </li>
  );
}

function groupByDay(items: HistoryEntry[]): [string, HistoryEntry[]][] {
  const days = new Map<string, HistoryEntry[]>();
  for (const item of items) {
    const day = formatDay(item.at_ms);
    days.set(day, [...(days.get(day) ?? []), item]);
  }
  return [...days];
}
