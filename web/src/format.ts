/** Numbers, times and names as people read them. Not markup. */
import type { Action, Difficulty, ProgressStatus } from "./api.ts";
import { SHELL_WORDS } from "./messages/shell.ts";

const SECOND = 1_000;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const dayName = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const timeOfDay = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

export const STATUS_NAMES: Record<ProgressStatus, string> = {
  not_started: "Not started",
  in_progress: "In progress",
  completed: "Completed",
};

export const DIFFICULTY_NAMES: Record<Difficulty, string> = SHELL_WORDS.difficulty;

export function formatDuration(seconds: number): string {
  if (seconds < MINUTE) return `${Math.round(seconds)} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  const minutes = Math.floor((seconds % HOUR) / MINUTE);
  return minutes === 0 ? `${Math.floor(seconds / HOUR)} h` : `${Math.floor(seconds / HOUR)} h ${minutes} min`;
}

/** How long ago, coarser the longer it is. */
export function formatAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / SECOND));
  if (seconds < 2) return "just now";
  if (seconds < MINUTE) return `${seconds} s ago`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ago`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h ago`;
  const days = Math.floor(seconds / DAY);
  return days === 1 ? "1 day ago" : `${days} days ago`;
}

export function formatDateTime(atMs: number): string {
  return dateTime.format(atMs);
}

export function formatDay(atMs: number): string {
  return dayName.format(atMs);
}

export function formatTimeOfDay(atMs: number): string {
  return timeOfDay.format(atMs);
}

export function formatScore(score: number | null | undefined): string {
  return score === undefined || score === null ? "–" : `${Math.round(score * 10) / 10} %`;
}

export function formatCount(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** What was done, as the start of a sentence that ends in the module's title. */
export function describeAction(action: Action): string {
  switch (action.kind) {
    case "open":
      return "Opened";
    case "study":
      return `Studied for ${formatDuration(action.seconds)}:`;
    case "submit":
      return action.score === undefined ? "Handed in work for" : `Scored ${action.score} % in`;
    case "complete":
      return "Finished";
  }
}
