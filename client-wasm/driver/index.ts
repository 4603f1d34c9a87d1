/** The package's API: promises, events, watches. What it gives is documented in `kairos-client.d.ts`. Decides nothing. */
import type { Problem, Profile } from "../api.d.ts";
import { Driver, send } from "./driver.ts";
import { type Exports, Kind, Mode, type Outcome, type Status, type Writer } from "./encoding.ts";
import { errorOf, KairosError } from "./errors.ts";
import { Handle } from "./handle.ts";
import { resultOf } from "./result.ts";

export { KairosError };

type Source = URL | string | globalThis.Response | PromiseLike<globalThis.Response> | BufferSource | WebAssembly.Module;
type Listener = (event: unknown) => void;
interface Settle {
  resolve(outcome: Outcome): void;
  reject(error: KairosError): void;
}

/** Paths that were read and whose changes are told; the least recently read gives way. */
const MOST_PATHS = 500;
const REASONS = ["", "logout", "expired", "logout"];
const TOKEN = Symbol();
let loading: Promise<WebAssembly.Module> | undefined;

async function compile(source: Source | undefined): Promise<WebAssembly.Module> {
  let from: unknown = await (source ?? new URL("./pkg/kairos_client_bg.wasm", import.meta.url));
  if (from instanceof WebAssembly.Module) return from;
  if (typeof from === "string" || from instanceof URL) from = await fetch(from);
  if (!(from instanceof Response)) return WebAssembly.compile(from as BufferSource);
  // Streaming wants the right content type; not every server has it.
  return WebAssembly.compile(await from.arrayBuffer());
}

export function init(wasm?: Source): Promise<void> {
  loading ??= compile(wasm).catch((error: unknown) => {
    loading = undefined;
    throw new KairosError("internal", String(error));
  });
  return loading.then(() => undefined);
}

interface Options {
  baseUrl: string;
  name?: string;
  memoryEntries?: number;
}

export class KairosClient {
  #driver: Driver;
  #baseUrl: string;
  #promises = new Map<number, Settle>();
  #listeners = new Set<Listener>();
  /** Numbers of the watches that are this object's own, by path; what is told is the path without its query. */
  #paths = new Map<string, number>();
  #watches = new Map<number, () => void>();
  #handles = new Map<string, Handle>();
  #next = 0;
  #isClosed = false;
  #isBroken = false;

  private constructor(token: symbol, module: WebAssembly.Instance, options: Options) {
    if (token !== TOKEN) throw new TypeError("use KairosClient.open()");
    this.#baseUrl = options.baseUrl.replace(/\/+$/, "");
    this.#driver = new Driver(module.exports as unknown as Exports, this.#baseUrl, options.name ?? "kairos", {
      resolved: (request, outcome) => this.#settle(request, outcome),
      happened: (watches, events) => this.#tell(watches, events),
      broke: () => this.#fail(),
    });
    this.#driver.open(options.memoryEntries ?? Infinity);
  }

  static async open(options: Options): Promise<KairosClient> {
    if (loading === undefined) throw new KairosError("invalid_argument", "call init() first");
    if (typeof options?.baseUrl !== "string") throw new KairosError("invalid_argument", "baseUrl is missing");
    const client = new KairosClient(TOKEN, await WebAssembly.instantiate(await loading), options);
    // No path: it is refused, as soon as it is known who is signed in.
    await client.#ask(Kind.Get, (writer) => writer.text("").byte(Mode.OnlyIfCached)).catch(() => {});
    return client;
  }

  #ask(kind: Kind, write: (writer: Writer) => void, signal?: AbortSignal): Promise<Outcome> {
    if (this.#isClosed) return Promise.reject(new KairosError("closed"));
    if (this.#isBroken) return Promise.reject(new KairosError("internal"));
    if (signal?.aborted) return Promise.reject(new KairosError("aborted"));
    const request = ++this.#next;
    const asked = new Promise<Outcome>((resolve, reject) => this.#promises.set(request, { resolve, reject }));
    this.#driver.tell(kind, (writer) => write(writer.number(request)));
    if (signal === undefined) return asked;
    const abort = () => this.#driver.tell(Kind.Abort, (writer) => writer.number(request));
    signal.addEventListener("abort", abort);
    return asked.finally(() => signal.removeEventListener("abort", abort));
  }

  #settle(request: number, outcome: Outcome): void {
    const promise = this.#promises.get(request);
    this.#promises.delete(request);
    if (outcome.kind === 5) promise?.reject(errorOf(outcome.failure));
    else promise?.resolve(outcome);
  }

  #rejectAll(code: string): void {
    for (const { reject } of this.#promises.values()) reject(new KairosError(code));
    this.#promises.clear();
  }

  #fail(): void {
    this.#isBroken = true;
    this.#rejectAll("internal");
    this.#emit({ type: "status" });
  }

  #tell(watches: number[], events: number[]): void {
    const changed = new Set<string>();
    for (const watch of watches) this.#call(this.#watches.get(watch), changed);
    const paths = [...this.#paths].filter(([, watch]) => watches.includes(watch)).map(([path]) => path.split("?")[0] as string);
    if (paths.length) this.#emit({ type: "changed", paths: [...new Set(paths)] });
    for (const event of events) {
      this.#emit(event === 0 ? { type: "status" } : { type: "signed-out", reason: REASONS[event] });
    }
  }

  #emit(event: object): void {
    for (const listener of [...this.#listeners]) this.#call(listener, event);
  }

  #call<T>(listener: ((value: T) => void) | undefined, value: T): void {
    try {
      listener?.(value);
    } catch (error) {
      // Others are told all the same.
      console.error(error);
    }
  }

  /** Hears of changes of what was read. */
  #follow(path: string): void {
    const known = this.#paths.get(path);
    this.#paths.delete(path);
    const watch = known ?? ++this.#next;
    this.#paths.set(path, watch);
    if (known !== undefined) return;
    this.#driver.tell(Kind.Watch, (writer) => writer.number(watch).text(path));
    const [oldest] = this.#paths;
    if (this.#paths.size > MOST_PATHS && oldest) {
      this.#paths.delete(oldest[0]);
      this.#driver.tell(Kind.Unwatch, (writer) => writer.number(oldest[1]));
    }
  }

  async get(path: string, options?: { revalidate?: boolean; signal?: AbortSignal }): Promise<object> {
    if (this.#isBroken && !this.#isClosed) return this.#getFromNetwork(String(path));
    const { revalidate, signal } = options ?? {};
    const mode = revalidate === undefined ? Mode.ByPolicy : revalidate ? Mode.Revalidate : Mode.OnlyIfCached;
    const outcome = await this.#ask(Kind.Get, (writer) => writer.text(String(path)).byte(mode), signal);
    this.#follow(String(path));
    return resultOf((outcome as Outcome & { kind: 0 }).response);
  }

  /** Without a core: what is anybody's can still be had. */
  async #getFromNetwork(path: string): Promise<object> {
    const wanted = { fetch: 0, method: "GET", path, body: undefined, token: undefined, etag: undefined, minGeneration: undefined };
    const failed = (): never => {
      throw new KairosError("offline");
    };
    const { response, body } = await send(this.#baseUrl, { ...wanted, timeoutMs: 20_000 }).catch(failed);
    if (!response.ok) throw new KairosError(response.status === 401 ? "unauthenticated" : "internal");
    return { body: JSON.parse(body), status: 200, source: "origin", ageMs: 0, stale: false, pending: 0 };
  }

  /** What memory has and may be shown at once; `undefined`: ask with `get`. It is shared: not to be changed. */
  peek(path: string): object | undefined {
    let handle = this.#handles.get(path);
    if (handle === undefined) {
      handle = this.handle(path);
      this.#handles.set(path, handle);
      const [oldest] = this.#handles;
      if (this.#handles.size > MOST_PATHS && oldest) {
        this.#handles.delete(oldest[0]);
        oldest[1].close();
      }
    }
    return handle.peek();
  }

  /** A path that is looked at often: its `peek` is quicker. */
  handle(path: string): Handle {
    return new Handle(this.#driver, String(path));
  }

  /** Calls `listener` whenever `peek(path)` may give something else. */
  watch(path: string, listener: () => void): () => void {
    const watch = ++this.#next;
    this.#watches.set(watch, listener);
    this.#driver.tell(Kind.Watch, (writer) => writer.number(watch).text(String(path)));
    return () => {
      if (this.#watches.delete(watch)) this.#driver.tell(Kind.Unwatch, (writer) => writer.number(watch));
    };
  }

  register(email: string, displayName: string, password: string): Promise<Profile> {
    const body = { email: String(email), display_name: String(displayName), password: String(password) };
    return this.#signIn("/v1/auth/register", body);
  }

  login(email: string, password: string): Promise<Profile> {
    return this.#signIn("/v1/auth/login", { email: String(email), password: String(password) });
  }

  async #signIn(path: string, body: object): Promise<Profile> {
    const outcome = await this.#ask(Kind.SignIn, (writer) => writer.text(path).text(JSON.stringify(body)).byte(0));
    return JSON.parse((outcome as Outcome & { kind: 2 }).profile) as Profile;
  }

  async logout(options?: { discard?: boolean }): Promise<void> {
    await this.#ask(Kind.SignOut, (writer) => writer.byte(options?.discard === true));
  }

  async mutate({ module, action }: { module: string; action: { kind: string } }): Promise<{ id: string; durable: boolean }> {
    if (!["open", "study", "submit", "complete"].includes(action?.kind)) throw new KairosError("invalid_argument");
    const entropy = crypto.getRandomValues(new Uint8Array(16));
    const outcome = await this.#ask(Kind.Mutate, (writer) => writer.text(String(module)).action(action).bytes(entropy));
    const { id, isDurable } = outcome as Outcome & { kind: 1 };
    return { id, durable: isDurable };
  }

  async sync(): Promise<void> {
    await this.#ask(Kind.Sync, () => {});
  }

  async dismissRejected(ids?: string[]): Promise<void> {
    const rejected = this.#driver.status()?.rejected ?? [];
    const numbers = rejected.filter(({ id }) => ids?.includes(id) ?? true).map(({ number }) => number);
    if (numbers.length === 0) return;
    await this.#ask(Kind.Dismiss, (writer) => writer.list(numbers, (number) => writer.number(number)));
  }

  status(): object {
    const status = this.#driver.status();
    if (status === undefined) {
      const nothing = { user: null, session: "none", reachable: true, sending: false, pending: [], rejected: [] };
      return { ...nothing, persistence: "memory", memory: { entries: 0, hits: 0, misses: 0 } };
    }
    return statusOf(status);
  }

  subscribe(listener: Listener): () => void {
    // One function given twice is called twice.
    const own: Listener = (event) => listener(event);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#driver.close();
    this.#rejectAll("closed");
  }
}

function statusOf(status: Status): object {
  const { profile, isEnded, connection, failure, entries, hits, misses } = status;
  const error = failure && errorOf(failure);
  return {
    user: profile === undefined ? null : JSON.parse(profile),
    session: profile === undefined ? "none" : isEnded ? "ended" : "active",
    reachable: connection !== 2,
    sending: status.isSending,
    ...(error ? { sendFailure: { code: error.code, message: error.message } } : {}),
    pending: status.pending.map(({ number, ...operation }) => operation),
    rejected: status.rejected.map(({ number, problem, ...operation }) => ({ ...operation, problem: JSON.parse(problem) as Problem })),
    persistence: status.persists ? "disk" : "memory",
    memory: { entries, hits, misses },
  };
}
