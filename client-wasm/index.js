// The package's surface in JavaScript: explicit initialisation, private state, errors with stable codes. Everything else is in
// the wasm module. Documented in kairos-client.d.ts.
import load, { Client } from './pkg/kairos_client.js';

/** What every promise of this package rejects with. */
export class KairosError extends Error {
  constructor(code, message, problem) {
    super(message);
    this.name = 'KairosError';
    this.code = code;
    if (problem !== undefined) this.problem = problem;
  }
}

const asKairosError = (thrown) =>
  thrown instanceof Error
    ? new KairosError('internal', thrown.message)
    : new KairosError(thrown?.code ?? 'internal', thrown?.message ?? String(thrown), thrown?.problem);

const translated = (promise) =>
  promise.catch((thrown) => {
    throw asKairosError(thrown);
  });

let loading;

export function init(wasm) {
  loading ??= load(wasm === undefined ? undefined : { module_or_path: wasm }).then(
    () => undefined,
    (thrown) => {
      loading = undefined;
      throw asKairosError(thrown);
    },
  );
  return loading;
}

const TOKEN = Symbol('KairosClient.open');

export class KairosClient {
  #inner;
  #baseUrl;
  #closed = false;

  constructor(token, inner, baseUrl) {
    if (token !== TOKEN) throw new TypeError('use KairosClient.open()');
    this.#inner = inner;
    this.#baseUrl = baseUrl.replace(/\/+$/, '');
  }

  static async open(options) {
    if (loading === undefined) throw new KairosError('invalid_argument', 'call init() first');
    await loading;
    return new KairosClient(TOKEN, await translated(Client.open(options)), options.baseUrl);
  }

  register(email, displayName, password) {
    return translated(this.#inner.register(String(email), String(displayName), String(password)));
  }

  login(email, password) {
    return translated(this.#inner.login(String(email), String(password)));
  }

  logout(options) {
    return translated(this.#inner.logout(options?.discard === true));
  }

  get(path, options) {
    return translated(this.#inner.get(String(path), options?.revalidate));
  }

  async request(path, init = {}) {
    // Anything else could name another host, and the token would go there.
    if (!String(path).startsWith('/')) throw new KairosError('invalid_argument', 'a path begins with /');
    const send = async (token) => {
      const headers = new Headers(init.headers);
      headers.set('authorization', `Bearer ${token}`);
      try {
        return await fetch(this.#baseUrl + path, { ...init, headers, cache: 'no-store', credentials: 'omit', redirect: 'error' });
      } catch (thrown) {
        throw init.signal?.aborted ? thrown : new KairosError('offline', 'Kaïros does not answer');
      }
    };
    const token = await translated(this.#inner.accessToken());
    const response = await send(token);
    if (response.status !== 401) return response;
    await response.body?.cancel();
    return send(await translated(this.#inner.accessToken(token)));
  }

  mutate(operation) {
    return translated(this.#inner.mutate(operation));
  }

  status() {
    return this.#inner.status();
  }

  sync() {
    return translated(this.#inner.sync());
  }

  dismissRejected(ids) {
    return translated(this.#inner.dismissRejected(ids));
  }

  subscribe(listener) {
    const number = this.#inner.subscribe(listener);
    return () => this.#inner.unsubscribe(number);
  }

  async close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#inner.close();
  }
}
