/**
 * The Kaïros client: responses from memory, then from disk (IndexedDB), then from the network, and an outbox for what the
 * learner does, which survives reloads and is applied at the origin exactly once.
 *
 * Times named `…Ms` are integer milliseconds; moments count from 1970-01-01T00:00:00Z. Everything handed out is a plain value
 * that belongs to the caller: changing it changes nothing inside. Every rejection is a {@link KairosError}.
 */

import type { Action, ModulePage, Problem, Profile } from './api.d.ts';

/**
 * Fetches and compiles the module. Call it once before {@link KairosClient.open}; further calls return the same promise
 * (after a failure, the next call tries again).
 *
 * @param wasm Where the `.wasm` file is, or what is in it. Without it, the file beside this module
 *   (`new URL('./pkg/kairos_client_bg.wasm', import.meta.url)`, which bundlers rewrite).
 */
export function init(wasm?: URL | string | Response | PromiseLike<Response> | BufferSource | WebAssembly.Module): Promise<void>;

export interface OpenOptions {
  /** Where the edge (or the origin) is: `https://kairos.example` or `location.origin`. A path is a prefix of all paths. */
  baseUrl: string;
  /** Name of the IndexedDB database; `kairos` by default. Clients with one name share their data. */
  name?: string;
  /** Most responses stored in memory; 200 by default. What is evicted from memory stays on disk. */
  memoryEntries?: number;
}

/** Where a response came from. */
export type Source = 'memory' | 'disk' | 'edge' | 'origin';

/** What {@link KairosClient.get} gives: a response, and what is known about it. */
export interface QueryResult<T> {
  /** The parsed JSON body, with the learner's unsent operations applied (see `pending`). */
  body: T;
  /** The HTTP status of the response when it was fetched: 200. Other statuses reject. */
  status: number;
  source: Source;
  /** How long ago the response was made (not: received), in milliseconds. */
  ageMs: number;
  /**
   * The response is older than its freshness lifetime, or than a state this browser has already seen. It is being revalidated
   * (a `changed` event follows if there is something newer), or that was tried and failed.
   */
  stale: boolean;
  /** What the server said of its own response: `stale` or `default`, because something behind it is down. */
  degraded?: 'stale' | 'default';
  /** How many of the learner's unsent operations the body reflects. 0 for the catalogue. */
  pending: number;
}

export interface GetOptions {
  /**
   * `true`: ask the network even if a fresh response is stored; what is stored is still served when the network fails (marked
   * stale). `false`: never touch the network; rejects with `offline` when nothing is stored.
   * Not given: by the cache policy of the path.
   */
  revalidate?: boolean;
}

// The wire types, as the origin describes them.
export type {
  Action,
  HistoryEntry,
  Module,
  ModuleSummary,
  Problem,
  Profile,
  ProgressRecord,
  Role,
  Statistics,
} from './api.d.ts';

/** One page of a list. */
export type Page<T> = Omit<ModulePage, 'items'> & { items: T[] };

export interface Operation {
  /** Slug of the module it was done in. */
  module: string;
  action: Action;
}

export interface Recorded {
  /** The operation's id, made here; the same for every attempt to send it. */
  id: string;
  /**
   * `true`: on disk, and will be sent even if the page is killed now. `false`: there is no disk (see
   * {@link Status.persistence}); it lives as long as this page.
   */
  durable: boolean;
}

export interface PendingOperation extends Operation {
  id: string;
  at_ms: number;
  /** How often sending it was tried. It is never given up. */
  attempts: number;
}

export interface RejectedOperation extends Operation {
  id: string;
  at_ms: number;
  /** Why the origin will never apply it. */
  problem: Problem;
}

export interface Status {
  /** Who is signed in here. Stays set when the session has ended but the data is still here (see `session`). */
  user: Profile | null;
  /**
   * `none`: nobody signed in. `active`: signed in. `ended`: the server refused the session; the user's data and unsent
   * operations stay, and sending goes on when the same user signs in again.
   */
  session: 'none' | 'active' | 'ended';
  /** Whether Kaïros answered the last request. Learned from requests; `navigator.onLine` is not believed. */
  reachable: boolean;
  /** Whether the outbox is being sent right now by this client. */
  sending: boolean;
  /** Why operations wait: what prevented the last attempt from sending them all. Absent when nothing did, or nothing waits. */
  sendFailure?: { code: string; message: string };
  /** The user's operations that the origin has not confirmed, oldest first. */
  pending: PendingOperation[];
  /** The user's operations that the origin rejected; they stay until {@link KairosClient.dismissRejected}. */
  rejected: RejectedOperation[];
  /** `memory`: IndexedDB is refused, blocked, broken or full; what comes now does not survive a reload. */
  persistence: 'disk' | 'memory';
  memory: { entries: number; hits: number; misses: number };
}

export type ClientEvent =
  /**
   * The responses of these paths (without query) may be different now: `get` them again. Sent after a background
   * revalidation that brought something new, after `mutate`, and after operations were sent.
   */
  | { type: 'changed'; paths: string[] }
  /** Something in {@link KairosClient.status} changed. */
  | { type: 'status' }
  /**
   * The session is over. `logout`: by {@link KairosClient.logout}, in any tab; the user's data is wiped. `expired`: the server
   * refused to renew it; data and unsent operations stay for when the same user signs in.
   */
  | { type: 'signed-out'; reason: 'logout' | 'expired' };

export class KairosClient {
  private constructor();

  /**
   * Opens the store, restores the session and starts sending what waits. Never rejects because there is no disk or no
   * network. Needs {@link init} first.
   */
  static open(options: OpenOptions): Promise<KairosClient>;

  /** Creates an account and signs in. Replaces the present session; another user's unsent operations stay theirs. */
  register(email: string, displayName: string, password: string): Promise<Profile>;

  /** Signs in. Rejects with `wrong-credentials`, `offline`, … and changes nothing then. */
  login(email: string, password: string): Promise<Profile>;

  /**
   * Sends the outbox if it can, ends the session at the origin if it can, and wipes everything of this user from memory
   * and disk. When operations remain unsent, of any tab, it rejects with `pending_operations` and changes nothing, unless
   * `discard`; with `unauthenticated` when somebody else has signed in in another tab.
   */
  logout(options?: { discard?: boolean }): Promise<void>;

  /**
   * Answers a `GET`: with a fresh stored response at once; with a stale one at once while a newer one is fetched; else from the
   * network; when that fails, with what is stored, marked stale.
   *
   * `/v1/me/progress`, `/v1/me/progress/stats` and `/v1/me/history` have the unsent operations applied.
   *
   * @param path Path and query, as in `/v1/modules?subject=caching&limit=50`.
   * @throws KairosError `offline` when there is neither network nor stored response; `unauthenticated` for `/v1/me…` with nobody signed in; else what the server said.
   */
  get<T>(path: string, options?: GetOptions): Promise<QueryResult<T>>;

  /**
   * Sends a request in the learner's name for which there is no other call, and resolves with whatever is answered, problems too. Nothing
   * is stored of it, and it is sent once: twice if the access token was refused and could be renewed.
   *
   * @param path Path and query, from `/` on.
   * @param init As for `fetch`; the body one that can be sent again (text, bytes, a form).
   * @throws KairosError `unauthenticated`, `offline`, …; the signal's own reason when that aborts it.
   */
  request(path: string, init?: RequestInit): Promise<Response>;

  /**
   * Records what the signed-in learner did. Resolves when it is durably in the outbox; sending follows by itself.
   *
   * @throws KairosError `unauthenticated` with nobody signed in; `invalid-fields` when the values are out of range.
   */
  mutate(operation: Operation): Promise<Recorded>;

  /** What is known now; synchronous and cheap. */
  status(): Status;

  /**
   * Sends the outbox now. Resolves when it is empty (whatever the origin made of each operation).
   *
   * @throws KairosError `offline`, `unauthenticated`, `unavailable`, `unconfirmed`, …: what is unsent stays.
   */
  sync(): Promise<void>;

  /** Removes rejected operations: those with these ids, or all. */
  dismissRejected(ids?: string[]): Promise<void>;

  /** Calls `listener` for each event until the returned function is called. A listener that throws harms nobody else. */
  subscribe(listener: (event: ClientEvent) => void): () => void;

  /** Stops timers and listeners and closes the database. Unsent operations stay on disk. Idempotent. */
  close(): Promise<void>;
}

/**
 * What `get` and the others reject with. `code` is stable:
 *
 * - `offline`: no response from Kaïros: no network, or something in between answered instead (a captive portal, a proxy);
 * - `unauthenticated`: nobody is signed in, or the session has ended;
 * - `pending_operations`: {@link KairosClient.logout} would lose operations;
 * - `unconfirmed`: the server answered, but said nothing that this client knows of some operations; they stay and are sent again;
 * - `invalid_argument`: a path that is none, an option of the wrong type;
 * - `closed`: the client was closed;
 * - `storage`: the disk failed in a way that working from memory cannot hide;
 * - else the last part of the server's problem type: `wrong-credentials`, `email-taken`, `not-found`, `invalid-fields`,
 *   `too-many-requests`, `unavailable`, `internal`, …
 */
export class KairosError extends Error {
  readonly name: 'KairosError';
  readonly code: string;
  /** What the server said, when it gave a problem. */
  readonly problem?: Problem;
}
