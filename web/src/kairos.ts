/**
 * The one client of this page and what it knows, as signals. Every view reads and records through here, from the first moment on: what
 * is asked for before the client is open waits for it, unless the boot script has it.
 * Not here: caching, the outbox, sessions; those are `@kairos/client`.
 */
import { computed, signal } from "@preact/signals";
import { init, KairosClient, KairosError, type QueryResult, type Status } from "@kairos/client";
import { type Action, paths } from "./api.ts";
import { bootSettled, giveToClient, handedOver } from "./handover.ts";
import { monotonicMs, readingBegins } from "./quiet.ts";
import { untilWorthATry } from "./retry.ts";
import { followOtherTabs, tellOtherTabs } from "./tabs.ts";

/** What the page knows before the client is open: nothing, which is not the same as that nobody is signed in. */
const UNOPENED = {
  user: null,
  session: "unknown",
  reachable: true,
  sending: false,
  pending: [],
  rejected: [],
  persistence: "disk",
  memory: { entries: 0, hits: 0, misses: 0 },
} satisfies PageStatus;

export interface PageStatus extends Omit<Status, "session"> {
  session: Status["session"] | "unknown";
}

/** Under this is what belongs to one learner. */
const PRIVATE = "/v1/me/";
/** How long the client is waited for before it is tried again. */
const RETRY_MS = 15_000;

let opened: KairosClient | undefined;
const { promise: opening, resolve: onOpened } = withResolvers<KairosClient>();

const known = signal<PageStatus>(UNOPENED);
export const status = computed(() => known.value);
/** Changes when somebody else is signed in: what was shown of one learner must not stay for the next. */
export const userId = computed(() => status.value.user?.id);
export const isSignedIn = computed(() => status.value.session === "active");
/** Set while the client's own files cannot be had. */
export const isStuck = signal(false);

/** Fetches and opens the client, as soon as the first view can be read, and until it succeeds. Call once. */
export async function openKairos(): Promise<void> {
  giveToClient();
  await Promise.race([bootSettled, readingBegins]);
  for (;;) {
    try {
      await init();
      break;
    } catch (error) {
      console.warn("the client could not be loaded", error);
      isStuck.value = true;
      await untilWorthATry(RETRY_MS);
    }
  }
  const client = await KairosClient.open({ baseUrl: location.origin });
  client.subscribe((event) => {
    if (event.type !== "changed") known.value = client.status();
  });
  followOtherTabs(() => void lookAgain(client));
  opened = client;
  isStuck.value = false;
  known.value = client.status();
  onOpened(client);
}

const lookingAgain = new Set<() => void>();

/** Another tab changed something, or this one was away: a private read makes the client see who is signed in now. */
async function lookAgain(client: KairosClient): Promise<void> {
  await client.get(paths.statistics, { revalidate: false }).catch(() => undefined);
  known.value = client.status();
  for (const listener of [...lookingAgain]) listener();
}

/** For what can only happen after the client is open, such as what a signed-in learner does. */
export function kairos(): KairosClient {
  if (opened === undefined) throw new Error("the client is used before it is open");
  return opened;
}

export function whenOpen(): Promise<KairosClient> {
  return opening;
}

/** Calls `listener` when the responses of `path` (its query does not matter) may be different now. */
export function onChanged(path: string, listener: () => void): () => void {
  const bare = path.split("?", 1)[0] ?? path;
  let stop: (() => void) | undefined;
  let isOver = false;
  void opening.then((client) => {
    if (isOver) return;
    stop = client.subscribe((event) => {
      if (event.type === "changed" && event.paths.includes(bare)) listener();
    });
  });
  const isPrivate = bare.startsWith(PRIVATE);
  if (isPrivate) lookingAgain.add(listener);
  return () => {
    isOver = true;
    lookingAgain.delete(listener);
    stop?.();
  };
}

/**
 * Records what the learner did in `module`. Resolves when it is stored, with whether that is on the disk: if not, it goes with
 * the tab. Sending it is the client's business.
 */
export async function record(module: string, action: Action): Promise<boolean> {
  const { durable } = await (await opening).mutate({ module, action });
  tellOtherTabs();
  return durable;
}

/** A query result, and when this page got it: its age goes on from there. */
export interface ReceivedResult<T> extends QueryResult<T> {
  receivedAtMs: number;
  /** It is from before the client was open: the client is to be asked for the same as soon as it is. */
  isProvisional?: boolean;
}

/**
 * How a query is answered: `policy` as the path's cache policy has it, `network` from there if it can be had, `stored` from this device
 * alone, or an `offline` error.
 */
export type Manner = "policy" | "network" | "stored";

const REVALIDATE = { policy: {}, network: { revalidate: true }, stored: { revalidate: false } };

export async function fetchQuery<T>(path: string, manner: Manner = "policy"): Promise<ReceivedResult<T>> {
  if (opened === undefined) {
    const handed = await handedOver<T>(path);
    if (handed !== undefined && opened === undefined) {
      return { ...handed, status: 200, stale: false, pending: 0, receivedAtMs: monotonicMs(), isProvisional: true };
    }
  }
  const client = await opening;
  return { ...(await client.get<T>(path, REVALIDATE[manner])), receivedAtMs: monotonicMs() };
}

export function asKairosError(error: unknown): KairosError {
  if (error instanceof KairosError) return error;
  throw error;
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
