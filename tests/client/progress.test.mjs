/** What the learner sees of their own progress: at once, never twice, never going back (I-SESSION). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openTab, openWorld, rejects, waitUntil } from "./client.mjs";
import { json } from "./service.mjs";

const EMAIL = "ada@example.org";
const STATISTICS = "/v1/me/progress/stats";
const PROGRESS = "/v1/me/progress?limit=50";
const HISTORY = "/v1/me/history?limit=50";

async function signedIn(t) {
  const world = await openWorld(t);
  await world.tab.register(EMAIL);
  await world.tab.replicated();
  return world;
}

test("what is recorded offline shows at once in progress, statistics and history, and after a reload", async (t) => {
  const { service, tab } = await signedIn(t);
  await tab.mutate("freshness", { kind: "study", seconds: 100 });
  await tab.call("sync");
  for (const path of [STATISTICS, PROGRESS, HISTORY]) assert.equal((await tab.get(path)).pending, 0);
  service.goAway();
  await tab.mutate("freshness", { kind: "complete" });
  await tab.mutate("caching", { kind: "submit", score: 30 });
  const look = async () => {
    const [statistics, progress, history] = [await tab.get(STATISTICS), await tab.get(PROGRESS), await tab.get(HISTORY)];
    assert.deepEqual([statistics.pending, progress.pending, history.pending], [2, 2, 2]);
    assert.deepEqual(statistics.body, {
      modules: 2, completed: 1, in_progress: 1, time_spent_secs: 100, attempts: 1, scored: 1, score_sum: 30, average_score: 30,
    });
    assert.deepEqual(progress.body.items.map((r) => [r.module, r.status]), [["caching", "in_progress"], ["freshness", "completed"]]);
    assert.deepEqual(history.body.items.map((entry) => entry.action.kind), ["submit", "complete", "study"]);
  };
  await look();
  await tab.load();
  await look();
  service.answerAgain();
  await tab.call("sync");
  assert.deepEqual(await tab.statistics(), service.statistics(EMAIL));
});

test("statistics are right offline even where they were never looked at", async (t) => {
  const { service, tab } = await signedIn(t);
  for (let n = 0; n < 250; n += 1) {
    service.modules.push({ ...service.modules[0], slug: `m${n}` });
    service.applyElsewhere(EMAIL, { module: `m${n}`, action: { kind: "submit", score: n % 101 } });
  }
  await tab.mutate("m7", { kind: "complete" });
  await tab.call("sync");
  await waitUntil(() => service.requests.some((request) => request.path === "/v1/me/progress?limit=100&cursor=200"));
  const expected = service.statistics(EMAIL);
  await waitUntil(async () => {
    const result = await tab.get(STATISTICS, { revalidate: false }).catch(() => undefined);
    return result?.body.modules === 250;
  });
  service.goAway();
  assert.deepEqual(await tab.statistics(), expected);
  await tab.mutate("m8", { kind: "complete" });
  assert.equal((await tab.statistics()).completed, expected.completed + 1);
  assert.equal((await tab.statistics()).modules, 250);
});

test("while operations are being sent the statistics only ever grow, by each operation once", async (t) => {
  const { service, tab } = await signedIn(t);
  await tab.statistics();
  // Responses take a while and one in three is lost after the origin has applied what was sent.
  let turn = 0;
  service.interceptor = (request, response) => {
    if (!request.pathname.startsWith("/v1/me/")) return false;
    turn += 1;
    const lost = request.method === "POST" && turn % 3 === 0;
    const recorder = { writeHead: (...head) => ((recorder.head = head), recorder), end: (body) => (recorder.body = body) };
    setTimeout(() => {
      service.handle(request, recorder);
      setTimeout(() => (lost ? response.destroy() : response.writeHead(...recorder.head).end(recorder.body)), 15);
    }, 15);
    return true;
  };
  const seen = await tab.page.evaluate(async (path) => {
    const seen = [];
    for (let n = 1; n <= 40; n += 1) {
      await client.mutate({ module: "caching", action: { kind: "study", seconds: 1 } });
      seen.push([n, (await client.get(path)).body.time_spent_secs]);
      if (n % 5 === 0) seen.push([n, (await client.get(path, { revalidate: true })).body.time_spent_secs]);
      await new Promise((resolve) => setTimeout(resolve, n % 7 * 5));
    }
    return seen;
  }, STATISTICS);
  assert.deepEqual(seen.filter(([recorded, shown]) => recorded !== shown), [], "each reading shows what was recorded so far");
  service.answerAgain();
  await tab.call("sync");
  assert.equal((await tab.statistics({ revalidate: true })).time_spent_secs, 40);
  assert.equal(service.statistics(EMAIL).time_spent_secs, 40);
  assert.equal((await tab.get(HISTORY)).body.items.length, 40);
});

test("what another device did shows after a revalidation, together with what is unsent here", async (t) => {
  const { service, tab } = await signedIn(t);
  await tab.statistics();
  service.interceptor = (request, response) => request.method === "POST" && (response.destroy(), true);
  await tab.mutate("caching", { kind: "study", seconds: 5 });
  service.applyElsewhere(EMAIL, { module: "freshness", action: { kind: "study", seconds: 7 } });
  assert.equal((await tab.statistics({ revalidate: true })).time_spent_secs, 5, "unconfirmed: what is stored and one's own");
  service.answerAgain();
  await tab.call("sync");
  assert.equal((await tab.statistics()).time_spent_secs, 12);
});

test("a response that may be older than one's own write never shows without it", async (t) => {
  const { service, tab } = await signedIn(t);
  const before = await tab.get(STATISTICS);
  await tab.mutate("caching", { kind: "study", seconds: 9 });
  await tab.call("sync");
  service.interceptor = (request, response) =>
    request.pathname === STATISTICS && (json(response, before.body, { gen: "user.u1=1" }), true);
  const after = await tab.get(STATISTICS, { revalidate: true });
  assert.deepEqual([after.body.time_spent_secs, after.stale], [9, true]);
  assert.match(service.asked("GET", STATISTICS).at(-1).headers["kairos-min-gen"], /^user\.u1=\d+$/);
});

test("a default or stale response of a broken origin does not replace what is stored", async (t) => {
  const { service, tab } = await signedIn(t);
  await tab.mutate("caching", { kind: "study", seconds: 9 });
  await tab.call("sync");
  await tab.statistics();
  const zero = { modules: 0, completed: 0, in_progress: 0, time_spent_secs: 0, attempts: 0, scored: 0, score_sum: 0 };
  for (const degraded of ["default", "stale"]) {
    service.interceptor = (request, response) =>
      request.pathname === STATISTICS && (json(response, zero, { headers: { "kairos-degraded": degraded } }), true);
    assert.equal((await tab.statistics({ revalidate: true })).time_spent_secs, 9, degraded);
  }
});

test("progress recorded in one tab shows in the other", async (t) => {
  const { service, context, tab } = await signedIn(t);
  await tab.statistics();
  const other = await openTab(context, service);
  await other.statistics();
  service.goAway();
  await tab.mutate("caching", { kind: "complete" });
  assert.equal((await other.statistics()).completed, 1);
  await rejects(other.get("/v1/me/history?limit=7"), "offline");
});

test("a module begun offline shows on the page that spans it, and only there", async (t) => {
  const { service, tab } = await signedIn(t);
  for (const slug of ["a1", "a2", "c1", "c2"]) {
    service.modules.push({ ...service.modules[0], slug });
    service.applyElsewhere(EMAIL, { module: slug, action: { kind: "open" } });
  }
  await tab.mutate("a1", { kind: "open" });
  await tab.call("sync");
  const pages = ["/v1/me/progress?limit=2", "/v1/me/progress?limit=2&cursor=2"];
  for (const page of pages) await tab.get(page, { revalidate: true });
  await waitUntil(async () => (await tab.get(PROGRESS, { revalidate: false })).body.items.length === 4);
  service.goAway();
  await tab.mutate("b1", { kind: "open" });
  const shown = [];
  for (const page of pages) shown.push((await tab.get(page)).body.items.map((record) => record.module));
  assert.deepEqual(shown, [["a1", "a2"], ["b1", "c1", "c2"]]);
});

test("what is shown before sending is field by field what the origin says afterwards", async (t) => {
  const { service, tab } = await signedIn(t);
  for (const path of [STATISTICS, PROGRESS, HISTORY]) await tab.get(path);
  service.goAway();
  const actions = [{ kind: "open" }, { kind: "study", seconds: 7 }, { kind: "submit" }, { kind: "submit", score: 39 },
    { kind: "submit", score: 40 }, { kind: "complete" }];
  // Each action first on one module, and each pair of actions in turn.
  const steps = actions.flatMap((first, a) => [[`s${a}`, first], ...actions.flatMap((second, b) => [[`p${a}${b}`, first], [`p${a}${b}`, second]])]);
  service.modules.push(...[...new Set(steps.map(([slug]) => slug))].map((slug) => ({ ...service.modules[0], slug })));
  await tab.page.evaluate(async (steps) => {
    for (const [module, action] of steps) await client.mutate({ module, action });
  }, steps);
  const look = async () => [await tab.statistics(), (await tab.get(PROGRESS)).body.items, (await tab.get(HISTORY)).body.items];
  const before = await look();
  assert.equal(before[1].length, 42);
  service.answerAgain();
  await tab.call("sync");
  const bySlug = [...service.user(EMAIL).records.values()].sort((a, b) => (a.module < b.module ? -1 : 1));
  const newestFirst = [...service.user(EMAIL).history].sort((a, b) => b.at_ms - a.at_ms || (b.id < a.id ? -1 : 1));
  assert.deepEqual(before, [service.statistics(EMAIL), bySlug, newestFirst]);
});

for (const [what, isLost] of [["confirmed", false], ["applied, its confirmation lost,", true]]) {
  test(`a response on its way while an operation is ${what} does not count it twice`, async (t) => {
    const { service, tab } = await signedIn(t);
    await tab.statistics();
    let release;
    const released = new Promise((resolve) => (release = resolve));
    let isHeld = false;
    service.interceptor = (request, response) => {
      if (request.pathname === STATISTICS && !isHeld) {
        isHeld = true;
        released.then(() => service.handle(request, response));
        return true;
      }
      if (request.method !== "POST" || !isLost) return false;
      const nowhere = { writeHead: () => nowhere, end: () => response.destroy() };
      service.handle(request, nowhere);
      return true;
    };
    const first = tab.statistics({ revalidate: true });
    await waitUntil(() => isHeld);
    await tab.mutate("caching", { kind: "study", seconds: 9 });
    await waitUntil(() => service.statistics(EMAIL).time_spent_secs === 9);
    if (!isLost) await tab.until((status) => status.pending.length === 0);
    release();
    assert.equal((await first).time_spent_secs, 9);
    assert.equal((await tab.statistics()).time_spent_secs, 9);
    service.answerAgain();
    await tab.call("sync");
    assert.equal((await tab.statistics({ revalidate: true })).time_spent_secs, 9);
  });
}
