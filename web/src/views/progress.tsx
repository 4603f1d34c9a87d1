/** The learner's progress: statistics, a chart, and the record of each module. */
import "../styles/progress.css";
import { type ProgressRecord, paths, type Statistics, views } from "../api.ts";
import { formatDateTime, formatDuration, formatScore, STATUS_NAMES } from "../format.ts";
import { titleOf } from "../library.ts";
import { usePagedList } from "../paged-list.ts";
import { Icon } from "../parts/icon.tsx";
import { More } from "../parts/more.tsx";
import { Empty, Failure, Loading } from "../parts/notices.tsx";
import { ProgressChart } from "../parts/progress-chart.tsx";
import { SignedIn } from "../parts/signed-in.tsx";
import { View } from "../parts/view.tsx";
import { useQuery } from "../use-query.ts";

export default function ProgressPage() {
  return <SignedIn title="Progress" what="your progress">{() => <Progress />}</SignedIn>;
}

function Progress() {
  const { result, error, refetch } = useQuery<Statistics>(paths.statistics);
  const list = usePagedList<ProgressRecord>(paths.progress, "progress");
  const items = list.items.value;
  return (
    <View title="Progress" result={result}>
      {result !== undefined
        ? <Tiles statistics={result.body} />
        : error === undefined ? <Loading what="your statistics" lines={3} /> : <Failure error={error} what="your statistics" onRetry={refetch} />}
      {items === undefined
        ? list.error.value === undefined ? <Loading what="your records" /> : result && <Failure error={list.error.value} what="your records" onRetry={() => void list.load("network")} />
        : <Records items={items} />}
      <More list={list} what="records" />
    </View>
  );
}

function Tiles({ statistics }: { statistics: Statistics }) {
  const { modules, completed, time_spent_secs, average_score, scored } = statistics;
  return (
    <dl class="tiles">
      <Tile name="Modules" value={String(modules)} note={`${statistics.in_progress} in progress`} />
      <Tile name="Completed" value={String(completed)} note={modules > 0 ? `${Math.round((100 * completed) / modules)} % of those begun` : "none begun yet"} />
      <Tile name="Time spent" value={formatDuration(time_spent_secs)} note={`${statistics.attempts} handed in`} />
      <Tile name="Average score" value={formatScore(average_score)} note={scored > 0 ? `over ${scored} scored` : "nothing scored yet"} />
    </dl>
  );
}

function Tile({ name, value, note }: { name: string; value: string; note: string }) {
  return (
    <div class="tile" data-tile={name}>
      <dt>{name}</dt>
      <dd class="tile-value">{value}</dd>
      <dd class="tile-note">{note}</dd>
    </div>
  );
}

function Records({ items }: { items: ProgressRecord[] }) {
  if (items.length === 0) {
    return (
      <Empty title="Nothing recorded yet">
        <p>Open a module, read, and say when you have finished. It shows up here at once, with or without a network.</p>
        <a class="button button-primary" href={views.catalogue}>Choose a module</a>
      </Empty>
    );
  }
  const newestFirst = [...items].sort((a, b) => b.updated_at_ms - a.updated_at_ms);
  return (
    <>
      <ProgressChart records={newestFirst} />
      <section>
        <h2 id="records-title">Your modules</h2>
        <div class="table-scroll" tabIndex={0} role="region" aria-labelledby="records-title">
          <table class="records">
            <thead>
              <tr><th scope="col">Module</th><th scope="col">Status</th><th scope="col">Best</th><th scope="col">Last</th><th scope="col">Time</th><th scope="col">Changed</th></tr>
            </thead>
            <tbody>{newestFirst.map((item) => <RecordRow key={item.module} item={item} />)}</tbody>
          </table>
        </div>
      </section>
    </>
  );
}

function RecordRow({ item }: { item: ProgressRecord }) {
  return (
    <tr data-module={item.module}>
      <th scope="row"><a href={views.module(item.module)}>{titleOf(item.module)}</a></th>
      <td><span class={`badge badge-${item.status}`}>{item.status === "completed" && <Icon name="check" />}{STATUS_NAMES[item.status]}</span></td>
      <td class="number">{formatScore(item.best_score)}</td>
      <td class="number">{formatScore(item.last_score?.score)}</td>
      <td class="number">{formatDuration(item.time_spent_secs)}</td>
      <td>{formatDateTime(item.updated_at_ms)}</td>
    </tr>
  );
}
