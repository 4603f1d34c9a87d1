/** A bar for each of the modules worked on last: their time, or their best score. The table beside it says the same in text. */
import { MAX_SCORE } from "@kairos/client/contract";
import { BarController, BarElement, CategoryScale, Chart, type ChartConfiguration, LinearScale, Tooltip } from "chart.js";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ProgressRecord } from "../api.ts";
import { formatDuration, formatScore } from "../format.ts";
import { titleOf } from "../library.ts";
import { isDark } from "../theme.ts";
import { t } from "../messages/messages.ts";

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip);

const MOST_BARS = 10;
const BAR_PX = 34;
const AXIS_PX = 44;
const LABEL_CHARS = { narrow: 15, wide: 26 };
const NARROW_PX = 520;

const MEASURES = {
  time: { name: () => t().module.time, of: (record: ProgressRecord) => record.time_spent_secs / 60, format: (minutes: number) => formatDuration(minutes * 60), most: undefined },
  score: { name: () => t().module.best, of: (record: ProgressRecord) => record.best_score ?? null, format: (score: number) => formatScore(score), most: MAX_SCORE },
} as const;

type Measure = keyof typeof MEASURES;

/** `records` newest first. */
export function ProgressChart({ records }: { records: ProgressRecord[] }) {
  const [measure, setMeasure] = useState<Measure>("time");
  const shown = records.slice(0, MOST_BARS);
  return (
    <figure class="chart">
      <figcaption>
        <h2>{t().progressView.byModule(MEASURES[measure].name())}</h2>
        <div class="segments" role="group" aria-label={t().progressView.show}>
          {(Object.keys(MEASURES) as Measure[]).map((name) => (
            <button key={name} type="button" aria-pressed={name === measure} onClick={() => setMeasure(name)}>{MEASURES[name].name()}</button>
          ))}
        </div>
      </figcaption>
      <Bars records={shown} measure={measure} />
      <p class="chart-key">
        <span class="chart-key-completed">{t().status["completed"]}</span>
        <span class="chart-key-in_progress">{t().status["in_progress"]}</span>
      </p>
    </figure>
  );
}

function Bars({ records, measure }: { records: ProgressRecord[]; measure: Measure }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const dark = isDark.value;
  const labels = records.map((record) => titleOf(record.module));
  const values = records.map(MEASURES[measure].of);
  useEffect(() => {
    if (canvas.current === null) return;
    const chart = new Chart(canvas.current, configure(records, labels, values, measure));
    return () => chart.destroy();
  }, [JSON.stringify([labels, values, records.map((record) => record.status)]), measure, dark]);
  const summary = values.map((value, place) => `${labels[place]}: ${value === null ? t().progressView.noScore : MEASURES[measure].format(value)}`);
  return (
    <div class="chart-box" style={{ height: `${records.length * BAR_PX + AXIS_PX}px` }}>
      <canvas ref={canvas} role="img" aria-label={`${t().progressView.byModule(MEASURES[measure].name())}. ${summary.join("; ")}.`} />
    </div>
  );
}

function configure(records: ProgressRecord[], labels: string[], values: (number | null)[], measure: Measure): ChartConfiguration<"bar", (number | null)[], string> {
  const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const { format, most } = MEASURES[measure];
  const longest = innerWidth < NARROW_PX ? LABEL_CHARS.narrow : LABEL_CHARS.wide;
  const shorten = (label: string) => (label.length > longest ? `${label.slice(0, longest - 1)}…` : label);
  const font = { family: getComputedStyle(document.body).fontFamily, size: 13 };
  return {
    type: "bar",
    data: {
      labels: labels.map(shorten),
      datasets: [{
        data: values,
        backgroundColor: records.map((record) => colour(record.status === "completed" ? "--good" : "--accent")),
        borderRadius: 5,
        barThickness: 16,
      }],
    },
    options: {
      indexAxis: "y",
      maintainAspectRatio: false,
      animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? false : { duration: 350 },
      scales: {
        x: {
          beginAtZero: true,
          ...(most === undefined ? {} : { max: most }),
          grid: { color: colour("--line") },
          border: { display: false },
          ticks: { color: colour("--muted"), font, maxTicksLimit: innerWidth < NARROW_PX ? 4 : 6, callback: (value) => format(Number(value)) },
        },
        y: { grid: { display: false }, border: { color: colour("--line-strong") }, ticks: { color: colour("--ink"), font } },
      },
      plugins: { tooltip: { callbacks: { title: ([item]) => labels[item?.dataIndex ?? 0] ?? "", label: (item) => format(item.parsed.x ?? 0) } } },
    },
  };
}
