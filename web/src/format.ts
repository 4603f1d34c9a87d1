/** Numbers, times and names as people read them. Not markup. */
import type { Action, Difficulty, ProgressStatus } from "./api.ts";
import { language, locale, t } from "./messages/messages.ts";

const SECOND = 1_000;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const FORMATS = {
  dateTime: { dateStyle: "medium", timeStyle: "short" },
  day: { weekday: "long", day: "numeric", month: "long", year: "numeric" },
  time: { timeStyle: "short" },
} satisfies Record<string, Intl.DateTimeFormatOptions>;

/** By language and kind: making one takes a while. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(kind: keyof typeof FORMATS): Intl.DateTimeFormat {
  const key = `${language.value} ${kind}`;
  const format = formats.get(key) ?? new Intl.DateTimeFormat(locale(), FORMATS[kind]);
  formats.set(key, format);
  return format;
}

export function statusName(status: ProgressStatus): string {
  return t().status[status] ?? status;
}

export function difficultyName(difficulty: Difficulty): string {
  return t().difficulty[difficulty] ?? difficulty;
}

export function formatDuration(seconds: number): string {
  if (seconds < MINUTE) return `${Math.round(seconds)} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  const minutes = Math.floor((seconds % HOUR) / MINUTE);
  return minutes === 0 ? `${Math.floor(seconds / HOUR)} h` : `${Math.floor(seconds / HOUR)} h ${minutes} min`;
}

/** How long ago, coarser the longer it is. */
export function formatAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / SECOND));
  if (seconds < 2) return t().age.now;
  if (seconds < MINUTE) return t().age.seconds(seconds);
  if (seconds < HOUR) return t().age.minutes(Math.floor(seconds / MINUTE));
  if (seconds < DAY) return t().age.hours(Math.floor(seconds / HOUR));
  return t().age.days(Math.floor(seconds / DAY));
}

export function formatDateTime(atMs: number): string {
  return formatOf("dateTime").format(atMs);
}

export function formatDay(atMs: number): string {
  return formatOf("day").format(atMs);
}

export function formatTimeOfDay(atMs: number): string {
  return formatOf("time").format(atMs);
}

export function formatScore(score: number | null | undefined): string {
  return score === undefined || score === null ? "–" : `${Math.round(score * 10) / 10} %`;
}

/** What was done, as the start of a sentence that ends in the module's title. */
export function describeAction(action: Action): string {
  switch (action.kind) {
    case "open":
      return t().action.open;
    case "study":
      return t().action.study(formatDuration(action.seconds));
    case "submit":
      return action.score === undefined ? t().action.submit : t().action.scored(action.score);
    case "complete":
      return t().action.complete;
  }
}
