/** The API as the views use it: its types, which are the client's, and its paths. Not how anything is fetched. */
export type {
  Action,
  HistoryEntry,
  Module,
  ModuleSummary,
  Page,
  PendingOperation,
  Problem,
  Profile,
  ProgressRecord,
  RejectedOperation,
  Source,
  Statistics,
} from "@kairos/client";
import type { ModuleSummary, ProgressRecord } from "@kairos/client";

export type Difficulty = ModuleSummary["difficulty"];
export type ProgressStatus = ProgressRecord["status"];

/** Most items the API puts on one page. */
export const MAX_LIMIT = 100;

export const paths = {
  modules(filter: { subject?: string; difficulty?: string; limit?: number; cursor?: string } = {}): string {
    return withQuery("/v1/modules", filter);
  },
  search(query: string, cursor?: string): string {
    return withQuery("/v1/modules/search", { q: query, cursor });
  },
  module(slug: string): string {
    return `/v1/modules/${encodeURIComponent(slug)}`;
  },
  progress(cursor?: string): string {
    return withQuery("/v1/me/progress", { limit: MAX_LIMIT, cursor });
  },
  statistics: "/v1/me/progress/stats",
  history(cursor?: string): string {
    return withQuery("/v1/me/history", { cursor });
  },
};

/** The addresses of this app's own views. */
export const views = {
  catalogue: "/",
  module: (slug: string): string => `/modules/${encodeURIComponent(slug)}`,
  progress: "/progress",
  history: "/history",
  account: "/account",
  signIn: "/sign-in",
  register: "/register",
};

function withQuery(path: string, values: Record<string, string | number | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  return query.size === 0 ? path : `${path}?${query}`;
}
