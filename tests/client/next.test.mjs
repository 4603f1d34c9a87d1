/** What the client that is to come has and the one that is shipped has not: looks without asking, watches, and life without a core. */
import assert from "node:assert/strict";
import { test as always } from "node:test";
import { openWorld, rejects } from "./client.mjs";
import { IS_NEXT } from "./service.mjs";

const LIST = "/v1/modules?limit=50";
const test = (name, run) => always(name, { skip: !IS_NEXT && "only with KAIROS_CLIENT=next" }, run);

test("a look gives what memory has, parsed once, until something newer is there, and whoever watches is told", async (t) => {
  const { service, tab } = await openWorld(t);
  assert.equal(await tab.page.evaluate((path) => client.peek(path), LIST), undefined);
  await tab.get(LIST);
  const looks = await tab.page.evaluate((path) => {
    window.told = 0;
    client.watch(path, () => (window.told += 1));
    window.handle = client.handle(path);
    const [first, second, third] = [client.peek(path), client.peek(path), window.handle.peek()];
    return [first.source, first.stale, first.body === second.body, first.body.items[0].title, third.body.items[0].title];
  }, LIST);
  assert.deepEqual(looks, ["memory", false, true, "On caching", "On caching"]);
  const before = (await tab.status()).memory.hits;
  await tab.page.evaluate(async () => {
    for (let n = 0; n < 10; n += 1) window.handle.peek();
    await client.get("/v1/modules/caching");
  });
  assert.ok((await tab.status()).memory.hits >= before + 9, "hits without asking are counted");
  service.publish((modules) => (modules[0].title = "Renamed"));
  await tab.get(LIST, { revalidate: true });
  const after = await tab.page.evaluate((path) => [client.peek(path), window.handle.peek()].map((look) => look.body.items[0].title), LIST);
  assert.deepEqual([after, await tab.page.evaluate(() => window.told)], [["Renamed", "Renamed"], 1]);
});

test("who does not wait any more is told so, and what was asked for is stored all the same", async (t) => {
  const { service, tab } = await openWorld(t);
  const list = service.hold("/v1/modules");
  await tab.page.evaluate((path) => {
    window.aborting = new AbortController();
    window.outcome = client.get(path, { signal: window.aborting.signal }).then(() => "given", (error) => error.code);
  }, LIST);
  await list.asked;
  await tab.page.evaluate(() => window.aborting.abort());
  assert.equal(await tab.page.evaluate(() => window.outcome), "aborted");
  list.release();
  await tab.page.waitForFunction((path) => client.peek(path), LIST);
  assert.equal((await tab.get(LIST)).source, "memory");
});

test("what is recorded shows in the next look, and what is too old is said to be", async (t) => {
  const prepare = () => {
    const now = Date.now;
    Date.now = () => now() + (window.aheadMs ?? 0);
  };
  const { tab } = await openWorld(t, { prepare });
  await tab.register();
  await tab.replicated();
  await tab.get("/v1/me/progress/stats");
  await tab.get(LIST);
  const look = (path) => tab.page.evaluate((path) => client.peek(path), path);
  assert.equal((await look("/v1/me/progress/stats")).body.completed, 0);
  await tab.mutate("caching", { kind: "complete" });
  assert.equal((await look("/v1/me/progress/stats")).body.completed, 1);
  assert.equal((await look(LIST)).stale, false);
  await tab.page.evaluate(() => (window.aheadMs = 3_600_000));
  assert.equal((await look(LIST)).stale, true);
  await tab.call("logout", { discard: true });
  assert.equal(await look("/v1/me/progress/stats"), undefined);
});

test("a core that panics costs what it was asked, and what is anybody's is read from the network from then on", async (t) => {
  const prepare = () => {
    const { instantiate } = WebAssembly;
    WebAssembly.instantiate = async (...parameters) => {
      const { exports } = await instantiate(...parameters);
      const handle = (...numbers) => {
        if (window.panics) throw new WebAssembly.RuntimeError("unreachable");
        return exports.handle(...numbers);
      };
      return { exports: { ...exports, handle } };
    };
  };
  const { service, tab } = await openWorld(t, { prepare });
  await tab.register();
  await tab.get(LIST);
  await tab.page.evaluate(() => (window.panics = true));
  await rejects(tab.mutate("caching", { kind: "open" }), "internal");
  for (let turn = 0; turn < 2; turn += 1) {
    const found = await tab.get(LIST);
    assert.deepEqual([found.source, found.body.items.length], ["origin", 3]);
  }
  assert.equal(await tab.page.evaluate((path) => client.peek(path), LIST), undefined);
  await rejects(tab.get("/v1/me"), "unauthenticated");
  assert.equal((await tab.status()).persistence, "memory");
  service.goAway();
  await rejects(tab.get(LIST), "offline");
  await tab.load();
  assert.equal((await tab.status()).session, "active", "the next page has a core of its own");
});
