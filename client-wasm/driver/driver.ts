/**
 * One core and the browser around it: hands inputs over, carries effects out, and decides nothing. Not the public API (`index.ts`).
 */
import { Disk } from "./disk.ts";
import {
  type Effect, type Exports, type Fetch, Kind, type Outcome, PageEvent, Reader, type Refusal, type Response, type Status, Writer,
} from "./encoding.ts";
import { Locks } from "./locks.ts";

/** Bodies up to this go on when the page is left. */
const KEEPALIVE_BYTES = 32_768;
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;
const MALFORMED = 0xffffffff;

/** What the API hears of it. */
export interface DriverListener {
  resolved(request: number, outcome: Outcome): void;
  /** Everything that followed from one input. */
  happened(watches: number[], events: number[]): void;
  /** The core has panicked: nothing is to be had from it any more. */
  broke(error: unknown): void;
}

export class Driver {
  #exports: Exports;
  #writer: Writer;
  #disk: Disk;
  #locks: Locks;
  #channel: BroadcastChannel | undefined;
  #baseUrl: string;
  #listener: DriverListener;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ending = new AbortController();
  #isBroken = false;

  constructor(exports: Exports, baseUrl: string, name: string, listener: DriverListener) {
    this.#exports = exports;
    this.#baseUrl = baseUrl;
    this.#listener = listener;
    this.#writer = new Writer(exports);
    this.#disk = new Disk(name, {
      opened: () => this.tell(Kind.DiskOpened),
      refused: () => this.tell(Kind.DiskRefused),
      closed: () => this.tell(Kind.DiskClosed),
    });
    this.#locks = new Locks(name, (kind, lock) => this.tell(kind, (writer) => writer.byte(lock)));
    if (typeof BroadcastChannel !== "undefined") {
      this.#channel = new BroadcastChannel(`kairos:${name}`);
      this.#channel.onmessage = ({ data }) => this.tell(Kind.Message, (writer) => writer.text(String(data)));
    }
  }

  open(memoryEntries: number): void {
    const seed = crypto.getRandomValues(new Uint32Array(2)).reduce((sum, part) => sum / 2 ** 32 + part, 0);
    this.#carryOut(this.#exports.open(Date.now(), seed, memoryEntries));
    this.#hearPage();
    this.#disk.open();
  }

  /** Hands over an input: its kind, and what `write` adds. */
  tell(kind: Kind, write?: (writer: Writer) => void): void {
    if (this.#isBroken || this.#ending.signal.aborted) return;
    try {
      const writer = this.#writer.begin().byte(kind);
      write?.(writer);
      this.#carryOut(this.#exports.handle(Date.now(), this.#writer.at));
    } catch (error) {
      this.#break(error);
    }
  }

  /** A slot for a path; `undefined` when there is no core any more. */
  slot(path: string): number | undefined {
    return this.#call((exports) => {
      const slot = exports.slot(this.#writer.begin().utf8(path).at);
      this.#findTable();
      return slot;
    });
  }

  release(slot: number): void {
    this.#call((exports) => exports.release(slot));
  }

  /** What memory has for a slot's path and may be shown. */
  fill(slot: number): Response | undefined {
    const found = this.#look((exports) => exports.fill(slot, Date.now()), (reader) => reader.response());
    if (this.table.length === 0) this.#findTable();
    return found;
  }

  /** The table of slots. Memory that grew is elsewhere, and every number here is `undefined` then: ask, and find it anew. */
  table = new Float64Array();

  #findTable(): void {
    this.table = new Float64Array(this.#exports.memory.buffer, this.#exports.slots());
  }

  status(): Status | undefined {
    return this.#look((exports) => exports.status(), (reader) => reader.status());
  }

  #call<T>(call: (exports: Exports) => T): T | undefined {
    if (this.#isBroken) return undefined;
    try {
      return call(this.#exports);
    } catch (error) {
      this.#break(error);
      return undefined;
    }
  }

  #look<T>(call: (exports: Exports) => number, read: (reader: Reader) => T): T | undefined {
    return this.#call((exports) => {
      const length = call(exports);
      return length === 0 ? undefined : read(this.#reader(length));
    });
  }

  #break(error: unknown): void {
    this.#isBroken = true;
    this.close();
    this.#listener.broke(error);
  }

  #reader(length: number): Reader {
    return new Reader(this.#exports.memory.buffer, this.#exports.output(), length);
  }

  #carryOut(length: number): void {
    if (length === MALFORMED) throw new Error("the core does not understand its driver");
    const reader = this.#reader(length);
    const effects: Effect[] = [];
    while (!reader.isEmpty) effects.push(reader.effect());
    // From here on other inputs may come: nothing of the module's memory is read any more.
    const watches: number[] = [];
    const events: number[] = [];
    for (const effect of effects) this.#do(effect, watches, events);
    if (watches.length || events.length) this.#listener.happened(watches, events);
  }

  #do(effect: Effect, watches: number[], events: number[]): void {
    switch (effect.kind) {
      case 0: return void this.#fetch(effect.fetch);
      case 1: return this.#read(effect);
      case 2: return this.#write(effect);
      case 3: return this.#setTimer(effect.atMs);
      case 4: return this.#locks.request(effect.lock);
      case 5: return this.#locks.release(effect.lock);
      case 6: return this.#channel?.postMessage(effect.text);
      case 7: return this.#listener.resolved(effect.request, effect.outcome);
      case 8: return void watches.push(effect.watch);
      case 9: return void events.push(effect.event);
    }
  }

  #read({ read, ranges }: Effect & { kind: 1 }): void {
    this.#disk.read(ranges, (rows) => {
      if (rows === undefined) return this.tell(Kind.ReadFailed, (writer) => writer.number(read));
      this.tell(Kind.Rows, (writer) => writer.number(read).list(rows, (row) => writer.row(row)));
    });
  }

  #write({ write, transaction }: Effect & { kind: 2 }): void {
    this.#disk.write(transaction, (result: number[] | Refusal) => {
      if (typeof result === "number") this.tell(Kind.NotCommitted, (writer) => writer.number(write).byte(result));
      else this.tell(Kind.Committed, (writer) => writer.number(write).list(result, (number) => writer.number(number)));
    });
  }

  #setTimer(atMs: number): void {
    clearTimeout(this.#timer);
    const inMs = Math.min(Math.max(atMs - Date.now(), 0), LONGEST_TIMEOUT_MS);
    this.#timer = setTimeout(() => this.tell(Kind.Timer), inMs);
  }

  async #fetch(fetching: Fetch): Promise<void> {
    try {
      const { response, body } = await send(this.#baseUrl, fetching);
      const header = (name: string) => response.headers.get(name);
      this.tell(Kind.Fetched, (writer) => {
        writer.number(fetching.fetch).number(response.status).text(body).text(header("content-type") ?? "");
        for (const name of ["etag", "kairos-gen", "kairos-degraded", "age", "cache-status", "cache-control", "retry-after"]) {
          writer.text(header(name));
        }
      });
    } catch {
      this.tell(Kind.FetchFailed, (writer) => writer.number(fetching.fetch));
    }
  }

  #hearPage(): void {
    if (typeof document === "undefined") return;
    const { signal } = this.#ending;
    const on = (target: EventTarget, name: string, what: (event: Event) => PageEvent) =>
      target.addEventListener(name, (event) => this.tell(Kind.Page, (writer) => writer.byte(what(event))), { signal });
    on(document, "visibilitychange", () => (document.visibilityState === "hidden" ? PageEvent.Hidden : PageEvent.Shown));
    on(document, "freeze", () => PageEvent.Frozen);
    on(document, "resume", () => PageEvent.Resumed);
    on(window, "pagehide", () => PageEvent.Hidden);
    on(window, "pageshow", (event) => ((event as PageTransitionEvent).persisted ? PageEvent.Resumed : PageEvent.Shown));
    on(window, "online", () => PageEvent.Online);
    on(window, "offline", () => PageEvent.Offline);
  }

  /** Lets go of everything. What was begun on disk is completed. */
  close(): void {
    this.table = new Float64Array();
    this.#ending.abort();
    clearTimeout(this.#timer);
    this.#channel?.close();
    this.#locks.close();
    this.#disk.close();
  }
}

/** Sends a request. Kaïros never redirects; a captive portal does, and must not get a token. */
export async function send(baseUrl: string, wanted: Fetch): Promise<{ response: globalThis.Response; body: string }> {
  const { method, path, body, token, etag, minGeneration, timeoutMs } = wanted;
  const headers: Record<string, string> = { accept: "application/json, application/problem+json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  if (etag !== undefined) headers["if-none-match"] = etag;
  if (minGeneration !== undefined) headers["kairos-min-gen"] = minGeneration;
  const init: RequestInit = {
    method, headers, cache: "no-store", credentials: "omit", redirect: "error", signal: AbortSignal.timeout(timeoutMs),
  };
  if (body !== undefined) Object.assign(init, { body, keepalive: body.length <= KEEPALIVE_BYTES });
  const response = await fetch(baseUrl + path, init);
  return { response, body: await response.text() };
}
