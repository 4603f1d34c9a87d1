/**
 * A scripted Kaïros: it has accounts, modules and operations in memory as the origin would, serves the packed client beside
 * them, and can be told to misbehave: to lose a response, to be replaced by a proxy, to go away.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { PASS_SCORE } from "../../client-wasm/contract.js";

/** The client that is shipped, or with `KAIROS_CLIENT=next` the one that will be. */
export const IS_NEXT = process.env.KAIROS_CLIENT === "next";
export const PACKAGE = fileURLToPath(new URL(IS_NEXT ? "../../client-wasm/next/" : "../../client-wasm/", import.meta.url));
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm", ".ts": "text/plain", ".json": "application/json" };
const RANK = { not_started: 0, in_progress: 1, completed: 2 };

/** What `npm pack` packs, unpacked: the tests load nothing else. */
export function packedClient() {
  const folder = mkdtempSync(join(tmpdir(), "kairos-client-"));
  const packed = execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: PACKAGE, encoding: "utf8" });
  execFileSync("tar", ["-xzf", join(folder, packed.trim().split("\n").at(-1)), "-C", folder]);
  return { folder: join(folder, "package"), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export class Service {
  /** Every request of the API: `{ method, path, headers, body }`. */
  requests = [];
  /** `(request, response) => true` when it has answered itself; tried before anything else. */
  interceptor = undefined;
  modules = ["caching", "freshness", "validation"].map((slug) => ({
    slug, title: `On ${slug}`, subject: "HTTP", position: 0, difficulty: "beginner", tags: [], language: "en", summary: "",
    duration_minutes: 5, updated_at_ms: 1, content: `# ${slug}`, status: "published", version: 1, created_at_ms: 1,
  }));
  #users = new Map();
  #tokens = new Map();
  #refreshTokens = new Map();
  #predecessors = new Map();
  #catalogGeneration = 1_000;
  #clock = 1_000;
  #names = 0;

  static async start(folder) {
    const service = new Service();
    service.folder = folder;
    service.server = createServer((request, response) => service.#receive(request, response));
    await new Promise((resolve) => service.server.listen(0, "127.0.0.1", resolve));
    service.port = service.server.address().port;
    service.url = `http://127.0.0.1:${service.port}`;
    return service;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Everybody who asks the API now gets this, until {@link answerAgain}. */
  answerAll(respond) {
    this.interceptor = (request, response) => (respond(response, request), true);
  }

  answerAgain() {
    this.interceptor = undefined;
  }

  /** Connections are cut as soon as a request is read: no network, as far as the browser can tell. */
  goAway() {
    this.answerAll((response) => response.destroy());
  }

  /** The next request for `pathname` waits for `release()`; `asked` resolves when it has come. */
  hold(pathname) {
    let release;
    const released = new Promise((resolve) => (release = resolve));
    const asked = new Promise((resolve) => {
      this.interceptor = (request, response) => {
        if (request.pathname !== pathname) return false;
        this.answerAgain();
        released.then(() => this.handle(request, response));
        resolve();
        return true;
      };
    });
    return { asked, release };
  }

  /** Requests of one kind so far. */
  asked(method, path) {
    return this.requests.filter((request) => request.method === method && request.path.split("?")[0] === path);
  }

  user(email) {
    return this.#users.get(email);
  }

  /** Applies an operation as if another device had sent it. */
  applyElsewhere(email, operation) {
    this.#apply(this.#users.get(email), { at_ms: 5, id: `elsewhere-${++this.#names}`, ...operation });
  }

  publish(change) {
    change(this.modules);
    this.#catalogGeneration += 1;
  }

  /** Every access token is refused from now on; refresh tokens too if `all`. */
  expireTokens({ all = false } = {}) {
    this.#tokens.clear();
    if (all) this.#refreshTokens.clear();
  }

  statistics(email) {
    const records = [...this.#users.get(email).records.values()];
    const sum = (value) => records.reduce((total, record) => total + value(record), 0);
    const scored = sum((record) => Number(record.best_score !== undefined));
    const score_sum = sum((record) => record.best_score ?? 0);
    return {
      modules: records.length, completed: sum((r) => Number(r.status === "completed")),
      in_progress: sum((r) => Number(r.status === "in_progress")), time_spent_secs: sum((r) => r.time_spent_secs),
      attempts: sum((r) => r.attempts), scored, score_sum, ...(scored ? { average_score: score_sum / scored } : {}),
    };
  }

  #receive(incoming, response) {
    const chunks = [];
    incoming.on("data", (chunk) => chunks.push(chunk));
    incoming.on("end", () => {
      const { pathname, search, searchParams } = new URL(incoming.url, this.url);
      if (!pathname.startsWith("/v1/")) return this.#serveFile(pathname, response);
      const text = Buffer.concat(chunks).toString();
      const request = {
        method: incoming.method, path: pathname + search, pathname, query: searchParams, headers: incoming.headers,
        body: text ? JSON.parse(text) : undefined,
      };
      this.requests.push(request);
      if (!this.interceptor?.(request, response)) this.handle(request, response);
    });
  }

  /** What the origin would do. */
  handle(request, response) {
    const { method, pathname, body } = request;
    if (method === "POST" && pathname === "/v1/auth/register") return this.#register(body, response);
    if (method === "POST" && pathname === "/v1/auth/login") return this.#login(body, response);
    if (method === "POST" && pathname === "/v1/auth/refresh") return this.#refresh(body, response);
    if (method === "POST" && pathname === "/v1/auth/logout") {
      this.#refreshTokens.delete(body.refresh_token);
      return response.writeHead(204).end();
    }
    if (pathname.startsWith("/v1/modules")) return this.#catalogue(request, response);
    const user = this.#users.get(this.#tokens.get((request.headers.authorization ?? "").replace("Bearer ", "")));
    if (!user) return problem(response, 401, "token-expired");
    return this.#private(user, request, response);
  }

  #register({ email, display_name }, response) {
    if (this.#users.has(email)) return problem(response, 409, "email-taken");
    const id = `u${this.#users.size + 1}`;
    const profile = { id, email, display_name, roles: ["learner"], created_at_ms: 1 };
    this.#users.set(email, { profile, records: new Map(), history: [], applied: new Map(), generation: ++this.#clock });
    this.#grant(email, 201, response);
  }

  #login({ email, password }, response) {
    if (!this.#users.has(email) || password === "wrong") return problem(response, 401, "wrong-credentials");
    this.#grant(email, 200, response);
  }

  /** A token shown again gets the same successor for as long as that was not shown itself. */
  #refresh({ refresh_token }, response) {
    const email = this.#refreshTokens.get(refresh_token);
    if (!email) return problem(response, 401, "refresh-token-invalid");
    this.#refreshTokens.delete(this.#predecessors.get(refresh_token));
    const successor = `${refresh_token}+`;
    this.#predecessors.set(successor, refresh_token);
    this.#grant(email, 200, response, successor);
  }

  #grant(email, status, response, refresh_token = `refresh-${this.#names + 1}`) {
    const access_token = `access-${++this.#names}`;
    this.#tokens.set(access_token, email);
    this.#refreshTokens.set(refresh_token, email);
    const { profile } = this.#users.get(email);
    json(response, { access_token, token_type: "Bearer", expires_in_secs: 600, refresh_token, profile }, { status });
  }

  #catalogue(request, response) {
    const gen = `catalog=${this.#catalogGeneration}`;
    const slug = request.pathname.split("/")[3];
    const found = this.modules.find((module) => module.slug === slug);
    if (slug && !found) return problem(response, 404, "not-found");
    const summary = ({ content, status, version, created_at_ms, ...rest }) => rest;
    const edge = this.edgeHit ? { "cache-status": "kairos-edge; hit; ttl=30" } : {};
    const age = this.age === undefined ? {} : { age: String(this.age) };
    json(response, found ?? { items: this.modules.map(summary) }, { gen, request, headers: { ...edge, ...age } });
  }

  #private(user, request, response) {
    const limit = Number(request.query.get("limit") ?? 50);
    const page = (items) => {
      const from = Number(request.query.get("cursor") ?? 0);
      const next = from + limit < items.length ? { next_cursor: String(from + limit) } : {};
      return { items: items.slice(from, from + limit), ...next };
    };
    const options = { gen: `user.${user.profile.id}=${user.generation}`, request };
    const bySlug = () => [...user.records.values()].sort((a, b) => (a.module < b.module ? -1 : 1));
    switch (request.pathname) {
      case "/v1/me": return json(response, user.profile, options);
      case "/v1/me/progress": return json(response, page(bySlug()), options);
      case "/v1/me/progress/stats": return json(response, this.statistics(user.profile.email), options);
      case "/v1/me/history":
        return json(response, page([...user.history].sort((a, b) => b.at_ms - a.at_ms || (b.id < a.id ? -1 : 1))), options);
      case "/v1/me/operations": {
        const results = request.body.operations.map((operation) => this.#outcomeOf(user, operation));
        return json(response, { results }, { gen: `user.${user.profile.id}=${user.generation}` });
      }
      default: return problem(response, 404, "not-found");
    }
  }

  #outcomeOf(user, operation) {
    const { id, module } = operation;
    if (user.applied.has(id)) return { id, outcome: "duplicate", record: user.records.get(module) };
    if (!this.modules.some(({ slug }) => slug === module)) {
      return { id, outcome: "rejected", problem: problemBody(422, "unknown-module") };
    }
    return { id, outcome: "applied", record: this.#apply(user, operation) };
  }

  #apply(user, { id, module, at_ms, action }) {
    const empty = { module, status: "not_started", time_spent_secs: 0, attempts: 0, updated_at_ms: 0 };
    const record = user.records.get(module) ?? empty;
    const completes = action.kind === "complete" || action.score >= PASS_SCORE;
    const status = completes ? "completed" : "in_progress";
    if (RANK[status] > RANK[record.status]) record.status = status;
    if (completes) record.completed_at_ms = Math.min(record.completed_at_ms ?? at_ms, at_ms);
    if (action.kind === "study") record.time_spent_secs += action.seconds;
    if (action.kind === "submit") {
      record.attempts += 1;
      if (action.score !== undefined) {
        record.best_score = Math.max(record.best_score ?? 0, action.score);
        // The newest, by time and then by id, as the origin's reducer has it.
        const { last_score: last } = record;
        const isNewer = !last || at_ms > last.at_ms || (at_ms === last.at_ms && id > last.operation);
        if (isNewer) record.last_score = { at_ms, operation: id, score: action.score };
      }
    }
    record.updated_at_ms = Math.max(record.updated_at_ms, at_ms);
    user.records.set(module, record);
    user.history.push({ id, module, at_ms, action });
    user.applied.set(id, (user.applied.get(id) ?? 0) + 1);
    user.generation = ++this.#clock;
    return record;
  }

  #serveFile(pathname, response) {
    if (pathname === "/") {
      return response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>test</title>");
    }
    const file = normalize(join(this.folder, pathname.replace(/^\/client\//, "")));
    try {
      const type = TYPES[file.slice(file.lastIndexOf("."))] ?? "text/plain";
      const content = readFileSync(file);
      response.writeHead(200, { "content-type": type }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  }
}

/** A response as the origin writes it: with generations, an entity tag, and 304 where that is all there is to say. */
export function json(response, value, { status = 200, gen, request, headers = {} } = {}) {
  const body = JSON.stringify(value);
  const etag = `"${body.length}-${[...body].reduce((hash, c) => (hash * 31 + c.charCodeAt(0)) | 0, 7)}"`;
  const all = { "content-type": "application/json", ...(gen ? { "kairos-gen": gen, etag } : { "cache-control": "no-store" }), ...headers };
  if (gen && request?.headers["if-none-match"] === etag) return response.writeHead(304, all).end();
  response.writeHead(status, all).end(body);
}

export function problemBody(status, slug) {
  return { type: `urn:kairos:problem:${slug}`, title: slug, status };
}

export function problem(response, status, slug, headers = {}) {
  response.writeHead(status, { "content-type": "application/problem+json", ...headers });
  response.end(JSON.stringify(problemBody(status, slug)));
}
