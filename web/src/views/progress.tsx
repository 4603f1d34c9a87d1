/** The learner's progress: statistics, a chart, and the record of each module. */
import "../styles/progress.css";
import { type ProgressRecord, paths, type Statistics, views } from "../api.ts";
import { formatDateTime, formatDuration, formatScore, statusName } from "../format.ts";
import { titleOf } from "../library.ts";
import { usePagedList } from "../paged-list.ts";
import { Icon } from "../parts/icon.tsx";
import { More } from "../parts/more.tsx";
import { Empty, Failure, Loading } from "../parts/notices.tsx";
import { ProgressChart } from "../parts/progress-chart.tsx";
import { SignedIn } from "../parts/signed-in.tsx";
import { View } from "../parts/view.tsx";
import { useQuery } from "../use-query.ts";
import { t } from "../messages/messages.ts";

export default function ProgressPage() {
  return <SignedIn title={t().progress} what={t().what.progress}>{() => <Progress />}</SignedIn>;
}

function Progress() {
  const { result, error, refetch } = useQuery<Statistics>(paths.statistics);
  const list = usePagedList<ProgressRecord>(paths.progress, "progress");
  const items = list.items.value;
  return (
    <View title={t().progress} result={result}>
      {result !== undefined
        ? <Tiles statistics={result.body} />
        : error === undefined ? <Loading what={t().what.statistics} lines={3} /> : <Failure error={error} what={t().what.statistics} onRetry={refetch} />}
      {items === undefined
        ? list.error.value === undefined ? <Loading what={t().what.records} /> : result && <Failure error={list.error.value} what={t().what.records} onRetry={() => void list.load("network")} />
        : <Records items={items} />}
      <More list={list} what="records" />
    </View>
  );
}

function Tiles({ statistics }: { statistics: Statistics }) {
  const { modules, completed, time_spent_secs, average_score, scored } = statistics;
  return (
    <dl class="tiles">
      <Tile name={t().progressView.modules} value={String(modules)} note={t().progressView.inProgress(statistics.in_progress)} />
      <Tile name={t().progressView.completed} value={String(completed)} note={modules > 0 ? t().progressView.ofBegun(Math.round((100 * completed) / modules)) : t().progressView.noneBegun} />
      <Tile name={t().progressView.timeSpent} value={formatDuration(time_spent_secs)} note={t().progressView.handedIn(statistics.attempts)} />
      <Tile name={t().progressView.average} value={formatScore(average_score)} note={scored > 0 ? t().progressView.over(scored) : t().progressView.noneScored} />
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
      <Empty title={t().progressView.empty}>
        <p>{t().progressView.advice}</p>
        <a class="button button-primary" href={views.catalogue}>{t().chooseModule}</a>
      </Empty>
    );
  }
  const newestFirst = [...items].sort((a, b) => b.updated_at_ms - a.updated_at_ms);
  return (
    <>
      <ProgressChart records={newestFirst} />
      <section>
        <h2 id="records-title">{t().progressView.yours}</h2>
        <div class="table-scroll" tabIndex={0} role="region" aria-labelledby="records-title">
          <table class="records">
            <thead>
              <tr><th scope="col">{t().progressView.module}</th><th scope="col">{t().progressView.status}</th><th scope="col">{t().progressView.best}</th><th scope="col">{t().progressView.last}</th><th scope="col">{t().progressView.time}</th><th scope="col">{t().progressView.changed}</th></tr>
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
      <td><span class={`badge badge-${item.status}`}>{item.status === "completed" && <Icon name="check" />}{statusName(item.status)}</span></td>
      <td class="number">{formatScore(item.best_score)}</td>
      <td class="number">{formatScore(item.last_score?.score)}</td>
      <td class="number">{formatDuration(item.time_spent_secs)}</td>
      <td>{formatDateTime(item.updated_at_ms)}</td>
    </tr>
  );
}
