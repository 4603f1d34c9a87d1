/**
 * The one client of this page and what it knows, as signals. Every view reads and records through here.
 * Not here: caching, the outbox, sessions; those are `@kairos/client`.
 */
import { computed, signal } from "@preact/signals";
import { init, KairosClient, KairosError, type QueryResult, type Status } from "@kairos/client";
import type { Action } from "./api.ts";

let opened: KairosClient | undefined;
const known = signal<Status | undefined>();

/** What the client knows; defined once {@link openKairos} has resolved, before the first view is shown. */
export const status = computed<Status>(() => known.value ?? failUnopened());
/** Changes when somebody else is signed in: what was shown of one learner must not stay for the next. */
export const userId = computed(() => status.value.user?.id);
export const isSignedIn = computed(() => status.value.session === "active");

export async function openKairos(): Promise<void> {
  await init();
  const client = await KairosClient.open({ baseUrl: location.origin });
  client.subscribe((event) => {
    if (event.type !== "changed") known.value = client.status();
  });
  opened = client;
  known.value = client.status();
}

export function kairos(): KairosClient {
  return opened ?? failUnopened();
}

/** Calls `listener` when the responses of `path` (its query does not matter) may be different now. */
export function onChanged(path: string, listener: () => void): () => void {
  const bare = path.split("?", 1)[0] ?? path;
  return kairos().subscribe((event) => {
    if (event.type === "changed" && event.paths.includes(bare)) listener();
  });
}

/**
 * Records what the learner did in `module`. Resolves when it is stored, with whether that is on the disk: if not, it goes with
 * the tab. Sending it is the client's business.
 */
export async function record(module: string, action: Action): Promise<boolean> {
  return (await kairos().mutate({ module, action })).durable;
}

/** A query result, and when this page got it: its age goes on from there. */
export interface ReceivedResult<T> extends QueryResult<T> {
  receivedAtMs: number;
}

export async function fetchQuery<T>(path: string, revalidate?: boolean): Promise<ReceivedResult<T>> {
  const result = await kairos().get<T>(path, revalidate === undefined ? {} : { revalidate });
  return { ...result, receivedAtMs: Date.now() };
}

export function asKairosError(error: unknown): KairosError {
  if (error instanceof KairosError) return error;
  throw error;
}

function failUnopened(): never {
  throw new Error("the client is used before it was opened");
}
