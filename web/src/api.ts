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
import { MAX_LIMIT, paths as routes } from "@kairos/client/contract";

export type Difficulty = ModuleSummary["difficulty"];
export type ProgressStatus = ProgressRecord["status"];

export const paths = {
  modules(filter: { subject?: string; difficulty?: string; limit?: number; cursor?: string } = {}): string {
    return withQuery(routes.MODULES, filter);
  },
  search(query: string, cursor?: string): string {
    return withQuery(routes.MODULES_SEARCH, { q: query, cursor });
  },
  module(slug: string): string {
    return routes.MODULE.replace("{slug}", encodeURIComponent(slug));
  },
  progress(cursor?: string): string {
    return withQuery(routes.PROGRESS, { limit: MAX_LIMIT, cursor });
  },
  statistics: routes.STATISTICS,
  history(cursor?: string): string {
    return withQuery(routes.HISTORY, { cursor });
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
