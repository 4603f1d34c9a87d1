/** Browsers that refuse the disk, lose it, or run out of it; disks of earlier versions; and what is in the package. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { openTab, openWorld, rejects } from "./client.mjs";
import { IS_NEXT, PACKAGE } from "./service.mjs";

const EMAIL = "ada@example.org";

const refusals = {
  "no IndexedDB": () => Object.defineProperty(globalThis, "indexedDB", { value: undefined }),
  "IndexedDB that refuses": () => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("private mode", "SecurityError");
    };
  },
  "IndexedDB that never opens": () => {
    IDBFactory.prototype.open = () => ({});
  },
};

for (const [what, prepare] of Object.entries(refusals)) {
  test(`with ${what} everything works from memory, and it says so`, async (t) => {
    const { service, tab } = await openWorld(t, { prepare });
    assert.equal((await tab.status()).persistence, "memory");
    await tab.register(EMAIL);
    await tab.get("/v1/modules");
    assert.equal((await tab.get("/v1/modules")).source, "memory");
    await tab.statistics();
    service.goAway();
    assert.deepEqual(Object.keys(await tab.mutate("caching", { kind: "complete" })), ["id", "durable"]);
    assert.equal((await tab.mutate("caching", { kind: "study", seconds: 3 })).durable, false);
    const offline = await tab.get("/v1/me/progress/stats");
    assert.deepEqual([offline.body.completed, offline.body.time_spent_secs, offline.pending], [1, 3, 2]);
    service.answerAgain();
    // It may join what began while the service was away, and that fails yet.
    await tab.call("sync").catch(() => tab.call("sync"));
    assert.equal(service.user(EMAIL).history.length, 2);
    assert.deepEqual(await tab.statistics(), service.statistics(EMAIL));
    await tab.call("logout");
    await rejects(tab.get("/v1/me"), "unauthenticated");
  });
}

const lockless = {
  "no Web Locks": () => Object.defineProperty(Navigator.prototype, "locks", { value: undefined }),
  "Web Locks that throw": () => {
    LockManager.prototype.request = () => {
      throw new DOMException("no", "SecurityError");
    };
  },
  "Web Locks that reject": () => {
    LockManager.prototype.request = () => Promise.reject(new DOMException("no", "InvalidStateError"));
  },
  "Web Locks that are never granted": () => {
    LockManager.prototype.request = () => new Promise(() => {});
  },
};

for (const [what, prepare] of Object.entries(lockless)) {
  test(`with ${what} everything works too`, async (t) => {
    const { service, context, tab } = await openWorld(t, { prepare });
    await tab.register(EMAIL);
    await tab.replicated();
    const other = await openTab(context, service);
    for (const one of [tab, other]) {
      // Nobody waits half a minute for a test.
      await one.page.evaluate(() => {
        const wait = window.setTimeout;
        window.setTimeout = (callback, milliseconds) => wait(callback, milliseconds / 30);
      });
    }
    service.expireTokens();
    await Promise.all([tab, other].map((one) => one.mutate("caching", { kind: "study", seconds: 1 })));
    await Promise.all([tab, other].map((one) => one.call("sync")));
    assert.equal(service.user(EMAIL).records.get("caching").time_spent_secs, 2);
  });
}

test("a connection that the browser closed is opened again", async (t) => {
  const prepare = () => {
    const begin = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (...parameters) {
      window.connections ??= new Set();
      window.connections.add(this);
      return begin.apply(this, parameters);
    };
  };
  const { service, tab } = await openWorld(t, { prepare });
  await tab.register(EMAIL);
  await tab.page.evaluate(() => window.connections.forEach((connection) => connection.close()));
  assert.equal((await tab.mutate("caching", { kind: "open" })).durable, true);
  await tab.call("sync");
  assert.equal(service.user(EMAIL).history.length, 1);
});

/** `window.full`: the store that nothing more fits into, or `true` for all. */
const fillable = () => {
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (...parameters) {
    const request = put.apply(this, parameters);
    if (window.full === true || window.full === this.name) {
      const { transaction } = this;
      Object.defineProperty(transaction, "error", { value: new DOMException("full", "QuotaExceededError") });
      transaction.abort();
    }
    return request;
  };
  const remove = IDBObjectStore.prototype.delete;
  IDBObjectStore.prototype.delete = function (key) {
    if (this.name === "answers" && window.roomFromEviction) window.full = undefined;
    return remove.call(this, key);
  };
};

test("a full disk costs old responses of the catalogue, never an operation; and no false `durable` when even that is no help", async (t) => {
  const { tab } = await openWorld(t, { prepare: fillable });
  await tab.register(EMAIL);
  await tab.get("/v1/modules");
  await tab.page.evaluate(() => Object.assign(window, { full: "operations", roomFromEviction: true }));
  assert.equal((await tab.mutate("caching", { kind: "open" })).durable, true);
  await tab.call("sync");
  await tab.page.evaluate(() => Object.assign(window, { full: "operations", roomFromEviction: false }));
  await rejects(tab.mutate("caching", { kind: "complete" }), "storage");
  await tab.page.evaluate(() => Object.assign(window, { full: "answers" }));
  assert.equal((await tab.get("/v1/modules/caching")).body.slug, "caching", "a response that finds no room is given all the same");
});

const PRIVATE = ["/v1/me", "/v1/me/progress", "/v1/me/progress/stats", "/v1/me/history"];

test("a full disk fails no read that the network answers: memory stores it, and the client says that nothing else does", async (t) => {
  const { service, tab } = await openWorld(t, { prepare: fillable });
  await tab.register(EMAIL);
  await tab.replicated();
  for (const path of PRIVATE) await tab.get(path);
  service.applyElsewhere(EMAIL, { module: "caching", action: { kind: "study", seconds: 9 } });
  await tab.page.evaluate(() => (window.full = true));
  for (const path of [...PRIVATE, "/v1/me/history?limit=7"]) {
    const first = await tab.get(path, { revalidate: true });
    assert.deepEqual([path, first.source, first.stale], [path, "origin", false]);
    const again = await tab.get(path);
    assert.deepEqual([path, again.source, again.stale, again.body], [path, "memory", false, first.body]);
  }
  assert.equal((await tab.statistics()).time_spent_secs, 9, "the older response on the disk does not come back");
  assert.equal((await tab.status()).persistence, "memory");
  await tab.page.evaluate(() => ((window.full = undefined), (window.events.length = 0)));
  await tab.get("/v1/me/history?limit=8");
  await tab.event('"status"');
  assert.equal((await tab.status()).persistence, "disk");
});

test("a full disk prevents nobody from renewing a token and reading on", async (t) => {
  const { service, tab } = await openWorld(t, { prepare: fillable });
  await tab.register(EMAIL);
  await tab.replicated();
  await tab.page.evaluate(() => (window.full = true));
  for (const path of PRIVATE) {
    service.expireTokens();
    assert.equal((await tab.get(path, { revalidate: true })).source, "origin");
  }
  await tab.page.evaluate(() => (window.full = undefined));
  service.expireTokens();
  assert.equal((await tab.mutate("caching", { kind: "open" })).durable, true);
  await tab.call("sync");
  assert.deepEqual([(await tab.status()).session, service.user(EMAIL).history.length], ["active", 1]);
});

test("a disk that cannot be read any more fails no read that the network answers", async (t) => {
  const prepare = () => {
    const begin = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (...parameters) {
      if (window.isBroken) throw new DOMException("broken", "InvalidStateError");
      return begin.apply(this, parameters);
    };
  };
  const { tab } = await openWorld(t, { prepare });
  await tab.register(EMAIL);
  await tab.replicated();
  await tab.page.evaluate(() => (window.isBroken = true));
  for (const path of [...PRIVATE, "/v1/modules"]) {
    assert.equal((await tab.get(path)).source, "origin");
    assert.equal((await tab.get(path)).source, "memory");
  }
  assert.equal((await tab.status()).persistence, "memory");
  await rejects(tab.mutate("caching", { kind: "open" }), "storage");
});

/** Rows as the client wrote them before what it stores had its present names: `[store, key, value]`. */
function earlierRows(list) {
  const operation = (id, module) => ({ id, module, at_ms: 7, action: { kind: "open" } });
  const outbox = (fields) =>
    JSON.stringify({ rejected: [], sequence: 0, confirmed: [], forgotten_to: 0, next_position: 0, bases: {}, ...fields });
  const problem = { type: "urn:kairos:problem:unknown-module", title: "unknown", status: 422 };
  const madeAt = Date.now();
  const facts = JSON.stringify({ status: 200, generations: "catalog=1000", made_at_ms: madeAt, "as_of": 0 });
  return [
    ["outboxes", "", outbox({ seen: "catalog=1000" })],
    ["outboxes", "u1", outbox({ seen: "user.u1=1001", rejected: [{ operation: operation("a", "gone"), problem }], next_position: 2 })],
    ["operations", ["u1", 1], JSON.stringify({ position: 1, attempts: 0, operation: operation("b", "caching") })],
    ["answers", ["", list], { owner: "", madeAt, facts, body: JSON.stringify({ items: [{ title: "Stored earlier" }] }) }],
  ];
}

/** The database as the earlier version made it, with the session that is there now. */
function beginEarlierDisk(tab) {
  return tab.page.evaluate(async () => {
    const done = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
    const database = await done(indexedDB.open("kairos"));
    const meta = database.transaction("meta").objectStore("meta");
    const [session, tokens] = [await done(meta.get(["", "session"])), await done(meta.get(["", "tokens"]))];
    database.close();
    const profile = JSON.parse(session.text.split("\n")[3]);
    const [, access_token, refresh_token, expires] = tokens.text.split("\n");
    await done(indexedDB.deleteDatabase("kairos"));
    const request = indexedDB.open("kairos", 1);
    request.onupgradeneeded = () => ["meta", "outboxes", "operations", "answers"].forEach((name) => request.result.createObjectStore(name));
    const earlier = await done(request);
    const store = earlier.transaction("meta", "readwrite").objectStore("meta");
    const kept = { profile, access_token, refresh_token, access_expires_at_ms: Number(expires), ended: false };
    await done(store.put(JSON.stringify(kept), "session"));
    earlier.close();
  });
}

test("what an earlier version stored is read: operations, responses, and what was seen of the catalogue", async (t) => {
  const { service, tab } = await openWorld(t);
  await tab.register(EMAIL);
  await tab.replicated();
  await tab.call("close");
  const list = "/v1/modules?limit=50";
  if (IS_NEXT) await beginEarlierDisk(tab);
  await tab.page.evaluate(async (rows) => {
    const done = (target, name) => new Promise((resolve) => target.addEventListener(name, resolve));
    const request = indexedDB.open("kairos");
    await done(request, "success");
    const transaction = request.result.transaction(["outboxes", "operations", "answers"], "readwrite");
    for (const [store, key, value] of rows) transaction.objectStore(store).put(value, key);
    await done(transaction, "complete");
    request.result.close();
  }, earlierRows(list));
  service.goAway();
  await tab.load();
  const { pending, rejected } = await tab.status();
  assert.deepEqual([pending.map(({ id }) => id), rejected.map(({ id }) => id)], [["b"], ["a"]]);
  const offline = await tab.get(list);
  assert.deepEqual([offline.source, offline.body.items[0].title], ["disk", "Stored earlier"]);
  service.answerAgain();
  await tab.get("/v1/modules/caching");
  assert.equal(service.asked("GET", "/v1/modules/caching")[0].headers["kairos-min-gen"], "catalog=1000");
  await tab.call("sync");
  assert.deepEqual(service.user(EMAIL).history.map(({ id }) => id), ["b"]);
});

test("the package holds what the browser needs and nothing else, and the tests load it from there", async (t) => {
  const bindings = IS_NEXT ? [] : ["pkg/kairos_client.js"];
  const [{ files, name }] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json"], { cwd: PACKAGE, encoding: "utf8" }));
  assert.equal(name, "@kairos/client");
  assert.deepEqual(files.map(({ path }) => path).sort(), [
    "api.d.ts", "contract.d.ts", "contract.js", "index.js", "kairos-client.d.ts", "package.json", ...bindings,
    "pkg/kairos_client_bg.wasm",
  ]);
  const { tab } = await openWorld(t);
  const loaded = await tab.page.evaluate(() => performance.getEntriesByType("resource").map((entry) => new URL(entry.name).pathname));
  assert.deepEqual(loaded.filter((path) => path.startsWith("/client/")).sort(), [
    "/client/index.js", ...bindings.map((path) => `/client/${path}`), "/client/pkg/kairos_client_bg.wasm",
  ]);
  const exported = await tab.page.evaluate(async () => Object.keys(await import("/client/index.js")).sort());
  assert.deepEqual(exported, ["KairosClient", "KairosError", "init"]);
});
