/** Where responses come from, and what is shown when the network fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openWorld, rejects, waitUntil } from "./client.mjs";
import { json, problem } from "./service.mjs";

const LIST = "/v1/modules?limit=50";

test("a response comes from the origin, then memory, then disk, and from the edge when the edge says so", async (t) => {
  const { service, tab } = await openWorld(t);
  const first = await tab.get(LIST);
  assert.deepEqual([first.source, first.status, first.stale, first.pending], ["origin", 200, false, 0]);
  assert.equal(first.body.items.length, 3);
  assert.equal((await tab.get(LIST)).source, "memory");
  await tab.load();
  const fromDisk = await tab.get(LIST);
  assert.deepEqual([fromDisk.source, fromDisk.body], ["disk", first.body]);
  assert.equal((await tab.get(LIST)).source, "memory", "what came from disk is in memory now");
  service.edgeHit = true;
  assert.equal((await tab.get("/v1/modules/caching")).source, "edge");
  assert.equal(service.asked("GET", "/v1/modules").length, 1, "where a fresh response is stored nobody is asked");
  const { memory } = await tab.status();
  assert.deepEqual([memory.entries, memory.hits], [2, 1]);
});

test("what was handed out belongs to the caller", async (t) => {
  const { tab } = await openWorld(t);
  await tab.get(LIST);
  const titles = await tab.page.evaluate(async (path) => {
    const mine = (await client.get(path)).body;
    mine.items.length = 0;
    return (await client.get(path)).body.items.map((item) => item.title);
  }, LIST);
  assert.equal(titles.length, 3);
});

test("offline, after a reload, what is stored is served, marked stale once something newer is asked for", async (t) => {
  const { service, tab } = await openWorld(t);
  await tab.get(LIST);
  service.goAway();
  await tab.load();
  assert.deepEqual((await tab.get(LIST)).stale, false, "still fresh");
  const asked = await tab.get(LIST, { revalidate: true });
  assert.deepEqual([asked.stale, asked.source, asked.body.items.length], [true, "memory", 3]);
  assert.equal((await tab.status()).reachable, false);
  await rejects(tab.get("/v1/modules/caching"), "offline");
  await rejects(tab.get("/v1/modules/caching", { revalidate: false }), "offline");
  service.answerAgain();
  assert.equal((await tab.get("/v1/modules/caching")).body.slug, "caching");
  assert.equal((await tab.status()).reachable, true);
});

for (const [what, respond] of [
  ["a captive portal's page", (r) => r.writeHead(200, { "content-type": "text/html" }).end("<h1>Sign in to the Wi-Fi</h1>")],
  ["a redirect", (r) => r.writeHead(302, { location: "/" }).end()],
  ["a proxy's 404", (r) => r.writeHead(404, { "content-type": "text/html" }).end("not here")],
  ["JSON of another service", (r) => r.writeHead(200, { "content-type": "application/json" }).end('{"ok":true}')],
  ["half a response", (r) => r.writeHead(200, { "content-type": "application/json" }).end('{"items":[')],
  ["the origin's 503", (r) => problem(r, 503, "unavailable", { "retry-after": "1" })],
]) {
  test(`${what} does not replace a stored response`, async (t) => {
    const { service, tab } = await openWorld(t);
    const before = await tab.get(LIST);
    service.answerAll(respond);
    const after = await tab.get(LIST, { revalidate: true });
    assert.deepEqual([after.stale, after.body], [true, before.body]);
    assert.deepEqual((await tab.get(LIST)).body, before.body);
  });
}

test("what the origin says is gone is gone here; a proxy cannot say so", async (t) => {
  const { service, tab } = await openWorld(t);
  await tab.get("/v1/modules/caching");
  service.publish((modules) => modules.shift());
  await rejects(tab.get("/v1/modules/caching", { revalidate: true }), "not-found");
  service.goAway();
  await rejects(tab.get("/v1/modules/caching"), "offline");
});

test("a stored response past its freshness is served at once and revalidated; a change is announced, no change is not", async (t) => {
  const { service, tab } = await openWorld(t);
  service.age = 3_600;
  await tab.get(LIST);
  const stale = await tab.get(LIST);
  assert.deepEqual([stale.source, stale.stale], ["memory", true]);
  assert.ok(stale.ageMs >= 3_600_000, `${stale.ageMs}`);
  await waitUntil(() => service.asked("GET", "/v1/modules").length === 2);
  assert.match(service.requests.at(-1).headers["if-none-match"], /^"/);
  service.publish((modules) => (modules[0].title = "Renamed"));
  await waitUntil(async () => (await tab.get(LIST)).body.items[0].title === "Renamed");
  await tab.event('"changed","paths":["/v1/modules"]');
  const events = await tab.page.evaluate(() => window.events.filter((event) => event.type === "changed").length);
  assert.equal(events, 1, "one change, one event");
});

test("a 304 makes the stored response fresh again", async (t) => {
  const { service, tab } = await openWorld(t);
  service.age = 3_600;
  const { body } = await tab.get(LIST);
  delete service.age;
  const again = await tab.get(LIST, { revalidate: true });
  assert.deepEqual([again.source, again.stale, again.status, again.body], ["origin", false, 200, body]);
  const now = await tab.get(LIST);
  assert.deepEqual([now.source, now.stale], ["memory", false]);
});

test("what was seen is told, and a stored response older than that is validated before it is served", async (t) => {
  const { service, tab } = await openWorld(t);
  await tab.get(LIST);
  assert.equal(service.requests.at(-1).headers["kairos-min-gen"], undefined);
  service.publish((modules) => (modules[0].title = "Renamed"));
  await tab.get("/v1/modules/caching");
  assert.equal(service.requests.at(-1).headers["kairos-min-gen"], "catalog=1000");
  const list = await tab.get(LIST);
  assert.deepEqual([list.source, list.body.items[0].title], ["origin", "Renamed"], "fresh by age, but a newer state was seen");
  assert.equal(service.requests.at(-1).headers["kairos-min-gen"], "catalog=1001");
});

test("a response stored while the clock was ahead is not fresh when the clock is right again, and is served when nothing else is there", async (t) => {
  const prepare = () => {
    const now = Date.now;
    Date.now = () => now() + (window.aheadMs ?? 0);
  };
  const { service, tab } = await openWorld(t, { prepare });
  await tab.register();
  await tab.page.evaluate(() => (window.aheadMs = 31 * 86_400_000));
  const history = "/v1/me/history";
  for (const path of [LIST, history]) assert.equal((await tab.get(path)).body.items[0]?.title, path === LIST ? "On caching" : undefined);
  await tab.page.evaluate(() => (window.aheadMs = 0));
  service.goAway();
  for (const path of [LIST, history]) assert.deepEqual([path, (await tab.get(path)).stale], [path, true], "there is nothing else");
  service.answerAgain();
  service.publish((modules) => (modules[0].title = "Renamed"));
  service.applyElsewhere("ada@example.org", { module: "caching", action: { kind: "open" } });
  for (const load of [() => {}, () => tab.load()]) {
    await load();
    assert.equal((await tab.get(LIST)).body.items[0].title, "Renamed");
    assert.equal((await tab.get(history)).body.items.length, 1);
  }
});

test("a response older than what was seen is not stored in place of a newer one", async (t) => {
  const { service, tab } = await openWorld(t);
  const { body } = await tab.get(LIST);
  service.answerAll((response) => json(response, { items: [] }, { gen: "catalog=1" }));
  const after = await tab.get(LIST, { revalidate: true });
  assert.deepEqual([after.stale, after.body], [true, body]);
  await tab.load();
  assert.deepEqual((await tab.get(LIST)).body, body);
});

test("memory is bounded, and what leaves it is still on disk", async (t) => {
  const { service, tab } = await openWorld(t);
  await tab.page.evaluate(async (baseUrl) => {
    const { KairosClient } = await import("/client/index.js");
    await window.client.close();
    window.client = await KairosClient.open({ baseUrl, memoryEntries: 2 });
  }, service.url);
  const paths = ["caching", "freshness", "validation"].map((slug) => `/v1/modules/${slug}`);
  for (const path of paths) await tab.get(path);
  assert.equal((await tab.status()).memory.entries, 2);
  assert.deepEqual([(await tab.get(paths[2])).source, (await tab.get(paths[0])).source], ["memory", "disk"]);
});

test("what is no path, and what comes after closing, is refused with a code", async (t) => {
  const { tab } = await openWorld(t);
  await rejects(tab.get("https://elsewhere.example/"), "invalid_argument");
  await rejects(tab.get("/v1/me"), "unauthenticated");
  await rejects(tab.mutate("caching", { kind: "open" }), "unauthenticated");
  await tab.call("close");
  await tab.call("close");
  await rejects(tab.get(LIST), "closed");
});
