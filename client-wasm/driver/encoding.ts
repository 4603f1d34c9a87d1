/**
 * How inputs, effects and what is known cross the boundary; the other side is `boundary/src/encoding.rs`, which says the format.
 * Not what is done with any of them.
 */

/** What the wasm module exports. */
export interface Exports {
  memory: WebAssembly.Memory;
  open(now: number, seed: number, memoryEntries: number): number;
  reserve(bytes: number): number;
  output(): number;
  handle(now: number, length: number): number;
  status(): number;
  slot(length: number): number;
  release(slot: number): void;
  slots(): number;
  fill(slot: number, now: number): number;
}

export const STORES = ["meta", "operations", "journal", "rejected", "answers"] as const;
const KINDS = ["open", "study", "submit", "complete"] as const;
const SOURCES = ["memory", "disk", "edge", "origin"] as const;
/** Stores whose rows have a number, not a name. */
const isNumbered = (store: number) => store > 0 && store < 4;

/** What an input begins with, in the order of the core's `Input`. */
export const enum Kind {
  Get, Watch, Unwatch, Mutate, Resend, Dismiss, SignIn, SignOut, Request, Sync, Abort, Fetched, FetchFailed, Rows, ReadFailed,
  Committed, NotCommitted, Timer, LockGranted, LockRefused, LockLost, Message, Page, DiskOpened, DiskRefused, DiskClosed,
}
export const enum Mode { ByPolicy, Revalidate, OnlyIfCached }
export const enum Refusal { Conflict, Quota, Aborted }
export const enum PageEvent { Shown, Hidden, Frozen, Resumed, Online, Offline }

export interface Key { store: number; owner: string; name: string; number: number }
export interface Row extends Key { stamp: number; text: string }
export type Range =
  | { kind: 0; key: Key }
  | { kind: 1; store: number; owner: string }
  | { kind: 2; limit: number; owner: string | undefined; name: string | undefined };
export type Guard =
  | { kind: 0; key: Key; stamp: number }
  | { kind: 1; key: Key }
  | { kind: 2; store: number; owner: string };
export interface Put extends Row { ifNewer: boolean }
export interface Transaction { guards: Guard[]; deletes: Range[]; puts: Put[]; isDurable: boolean }
export interface Fetch {
  fetch: number; method: string; path: string; body: string | undefined; token: string | undefined; etag: string | undefined;
  minGeneration: string | undefined; timeoutMs: number;
}
export interface Response {
  body: string; source: (typeof SOURCES)[number]; isStale: boolean; isComplete: boolean; ageMs: number; pending: number;
  degraded: string | undefined;
}
export interface Failure { code: string; problem: string | undefined }
export type Outcome =
  | { kind: 0; response: Response }
  | { kind: 1; id: string; isDurable: boolean }
  | { kind: 2; profile: string }
  | { kind: 3; status: number; body: string }
  | { kind: 4 }
  | { kind: 5; failure: Failure };
export type Effect =
  | { kind: 0; fetch: Fetch }
  | { kind: 1; read: number; ranges: Range[] }
  | { kind: 2; write: number; transaction: Transaction }
  | { kind: 3; atMs: number }
  | { kind: 4 | 5; lock: number }
  | { kind: 6; text: string }
  | { kind: 7; request: number; outcome: Outcome }
  | { kind: 8; watch: number }
  | { kind: 9; event: number };
export interface Operation {
  number: number; id: string; module: string; at_ms: number; action: { kind: string; seconds?: number; score?: number };
}
export interface Status {
  profile: string | undefined; isEnded: boolean; connection: number; isSending: boolean; leads: boolean; failure: Failure | undefined;
  pending: (Operation & { attempts: number })[]; rejected: (Operation & { problem: string })[]; persists: boolean;
  entries: number; bytes: number; hits: number; misses: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const ABSENT = 0xffffffff;

/** Writes into memory that may move: the view is made anew when it did. */
export class Writer {
  #exports: Pick<Exports, "memory" | "reserve">;
  #place = 0;
  #room = 0;
  #view = new DataView(new ArrayBuffer(0));
  at = 0;

  constructor(exports: Pick<Exports, "memory" | "reserve">) {
    this.#exports = exports;
  }

  #reserve(bytes: number): DataView {
    const { memory, reserve } = this.#exports;
    if (this.at + bytes > this.#room) {
      this.#room = Math.max(this.at + bytes, 2 * this.#room, 1024);
      this.#place = reserve(this.#room);
    }
    if (this.#view.buffer !== memory.buffer) this.#view = new DataView(memory.buffer);
    this.at += bytes;
    return this.#view;
  }

  /** Begins anew. */
  begin(): this {
    this.at = 0;
    return this;
  }

  byte(value: number | boolean): this {
    const view = this.#reserve(1);
    view.setUint8(this.#place + this.at - 1, Number(value));
    return this;
  }

  length(value: number): this {
    const view = this.#reserve(4);
    view.setUint32(this.#place + this.at - 4, value, true);
    return this;
  }

  number(value: number): this {
    const view = this.#reserve(8);
    view.setFloat64(this.#place + this.at - 8, value, true);
    return this;
  }

  bytes(values: Uint8Array): this {
    const view = this.#reserve(values.length);
    new Uint8Array(view.buffer).set(values, this.#place + this.at - values.length);
    return this;
  }

  /** UTF-8 without its length. */
  utf8(text: string): this {
    for (let from = 0; from < text.length; ) {
      // Enough for what is left if it is ASCII; what is not takes another turn.
      const room = text.length - from + 8;
      const view = this.#reserve(room);
      this.at -= room;
      const part = new Uint8Array(view.buffer, this.#place + this.at, this.#room - this.at);
      const { read, written } = encoder.encodeInto(from ? text.slice(from) : text, part);
      from += read;
      this.at += written;
    }
    return this;
  }

  text(value: string | null | undefined): this {
    if (value === null || value === undefined) return this.length(ABSENT);
    this.length(0);
    const begin = this.at;
    this.utf8(value);
    this.#view.setUint32(this.#place + begin - 4, this.at - begin, true);
    return this;
  }

  list<T>(items: readonly T[], write: (item: T) => void): this {
    this.length(items.length);
    items.forEach(write);
    return this;
  }

  action({ kind, seconds, score }: { kind: string; seconds?: number; score?: number }): this {
    // What is no whole number is out of range, and stays so.
    const whole = (value: number) => (Number.isInteger(value) ? value : 2 ** 32 - 1);
    const value = kind === "study" ? whole(seconds as number) : kind === "submit" && score !== undefined ? whole(score) : NaN;
    return this.byte(KINDS.indexOf(kind as "open") & 255).number(value);
  }

  row({ store, owner, name, number, stamp, text }: Row): this {
    this.byte(store).text(owner);
    if (isNumbered(store)) this.number(number);
    else this.text(name);
    return this.number(stamp).text(text);
  }
}

/** Reads what the module wrote. */
export class Reader {
  #view: DataView;
  #at = 0;

  constructor(buffer: ArrayBuffer, place: number, length: number) {
    this.#view = new DataView(buffer, place, length);
  }

  get isEmpty(): boolean {
    return this.#at === this.#view.byteLength;
  }

  byte(): number {
    return this.#view.getUint8(this.#at++);
  }

  flag(): boolean {
    return this.byte() !== 0;
  }

  length(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  number(): number {
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  optional(): string | undefined {
    const length = this.length();
    if (length === ABSENT) return undefined;
    this.#at += length;
    return decoder.decode(new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#at - length, length));
  }

  text(): string {
    return this.optional() as string;
  }

  list<T>(item: () => T): T[] {
    return Array.from({ length: this.length() }, item);
  }

  #key(): Key {
    const store = this.byte();
    const owner = this.text();
    return isNumbered(store) ? { store, owner, name: "", number: this.number() } : { store, owner, name: this.text(), number: 0 };
  }

  #range = (): Range => {
    const kind = this.byte();
    if (kind === 0) return { kind, key: this.#key() };
    if (kind === 1) return { kind, store: this.byte(), owner: this.text() };
    return { kind: 2, limit: this.number(), owner: this.optional(), name: this.optional() };
  };

  #guard = (): Guard => {
    const kind = this.byte();
    if (kind === 0) return { kind, key: this.#key(), stamp: this.number() };
    if (kind === 1) return { kind, key: this.#key() };
    return { kind: 2, store: this.byte(), owner: this.text() };
  };

  #put = (): Put => ({ ...this.#key(), stamp: this.number(), text: this.text(), ifNewer: this.flag() });

  #transaction(): Transaction {
    return { guards: this.list(this.#guard), deletes: this.list(this.#range), puts: this.list(this.#put), isDurable: this.flag() };
  }

  #fetch(): Fetch {
    return {
      fetch: this.number(), method: this.text(), path: this.text(), body: this.optional(), token: this.optional(),
      etag: this.optional(), minGeneration: this.optional(), timeoutMs: this.number(),
    };
  }

  response(): Response {
    return {
      body: this.text(), source: SOURCES[this.byte()] as "memory", isStale: this.flag(), isComplete: this.flag(),
      ageMs: this.number(), pending: this.number(), degraded: this.optional(),
    };
  }

  #failure(): Failure {
    return { code: this.text(), problem: this.optional() };
  }

  #outcome(): Outcome {
    const kind = this.byte();
    switch (kind) {
      case 0: return { kind, response: this.response() };
      case 1: return { kind, id: this.text(), isDurable: this.flag() };
      case 2: return { kind, profile: this.text() };
      case 3: return { kind, status: this.number(), body: this.text() };
      case 4: return { kind };
      default: return { kind: 5, failure: this.#failure() };
    }
  }

  effect(): Effect {
    const kind = this.byte();
    switch (kind) {
      case 0: return { kind, fetch: this.#fetch() };
      case 1: return { kind, read: this.number(), ranges: this.list(this.#range) };
      case 2: return { kind, write: this.number(), transaction: this.#transaction() };
      case 3: return { kind, atMs: this.number() };
      case 4:
      case 5: return { kind, lock: this.byte() };
      case 6: return { kind, text: this.text() };
      case 7: return { kind, request: this.number(), outcome: this.#outcome() };
      case 8: return { kind, watch: this.number() };
      default: return { kind: 9, event: this.byte() };
    }
  }

  #operation = (): Operation => {
    const [number, id, module, at_ms] = [this.number(), this.text(), this.text(), this.number()];
    const [kind, value] = [KINDS[this.byte()] as string, this.number()];
    const detail = isNaN(value) ? {} : kind === "study" ? { seconds: value } : { score: value };
    return { number, id, module, at_ms, action: { kind, ...detail } };
  };

  status(): Status {
    return {
      profile: this.optional(), isEnded: this.flag(), connection: this.byte(), isSending: this.flag(), leads: this.flag(),
      failure: this.flag() ? this.#failure() : undefined, pending: this.list(() => ({ ...this.#operation(), attempts: this.number() })),
      rejected: this.list(() => ({ ...this.#operation(), problem: this.text() })), persists: this.flag(),
      entries: this.number(), bytes: this.number(), hits: this.number(), misses: this.number(),
    };
  }
}
