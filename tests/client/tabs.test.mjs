/** Several tabs of one browser share one disk: what one does while another is half way through something (I-ONCE, I-PRIVATE). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { disk, openTab, openWorld, rejects, waitUntil } from "./client.mjs";
import { problem } from "./service.mjs";

const OPERATIONS = "/v1/me/operations";
const ADA = "ada@example.org";
const EVE = "eve@example.org";
const kinds = (service, email) => service.user(email).history.map((entry) => entry.action.kind);
const idle = (status) => status.pending.length === 0 && !status.sending;

/** Two tabs, one learner signed in to both. */
async function twoTabs(t, options) {
  const world = await openWorld(t, options);
  await world.tab.register(ADA);
  await world.tab.replicated();
  return { ...world, other: await openTab(world.context, world.service) };
}

/** `window.holdIn = n`: the n-th look at what waits, in a transaction that only reads, is heard of after `window.release()`. */
const holdable = () => {
  const { getAll } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.getAll = function (...parameters) {
    const request = getAll.apply(this, parameters);
    if (this.transaction.mode !== "readonly" || --window.holdIn !== 0) return request;
    const released = new Promise((resolve) => (window.release = resolve));
    const set = (heard) => request.addEventListener("success", (event) => {
      window.isHeld = true;
      released.then(() => heard(event));
    });
    return Object.defineProperty(request, "onsuccess", { set });
  };
};

test("what another tab records while this one signs out is not lost, at whatever moment", async (t) => {
  const { service, context, tab } = await openWorld(t, { prepare: holdable });
  const other = await openTab(context, service);
  for (let moment = 1; ; moment += 1) {
    const email = `learner${moment}@example.org`;
    await tab.register(email);
    await other.load();
    service.interceptor = (request, response) => request.pathname === OPERATIONS && (response.destroy(), true);
    await tab.page.evaluate((holdIn) => {
      Object.assign(window, { holdIn, isHeld: false, outcome: undefined });
      client.logout().then(() => (window.outcome = "signed out"), (error) => (window.outcome = error.code));
    }, moment);
    await tab.page.waitForFunction(() => window.isHeld || window.outcome);
    if (!(await tab.page.evaluate(() => window.isHeld))) {
      assert.ok(moment > 1, "there was no moment to hold");
      break;
    }
    const recorded = await other.mutate("caching", { kind: "open" }).then(() => "recorded", (error) => error.code);
    await tab.page.evaluate(() => window.release());
    await tab.page.waitForFunction(() => window.outcome);
    const outcome = await tab.page.evaluate(() => window.outcome);
    const expected = outcome === "signed out" ? "unauthenticated" : "recorded";
    assert.deepEqual([moment, outcome, recorded], [moment, outcome, expected], "recorded, and lost");
    if (recorded !== "recorded") continue;
    assert.equal(outcome, "pending_operations");
    assert.equal((await tab.status()).pending.length, 1, "what prevents this tab from signing out is shown in it");
    service.answerAgain();
    await tab.call("sync");
    assert.deepEqual(kinds(service, email), ["open"]);
    await tab.call("logout");
  }
});

test("two tabs that sign out at once both succeed", async (t) => {
  const { tab, other } = await twoTabs(t);
  await tab.statistics();
  await Promise.all([tab.call("logout"), other.call("logout")]);
  for (const one of [tab, other]) {
    assert.deepEqual([(await one.status()).session, (await one.status()).user], ["none", null]);
    await rejects(one.get("/v1/me"), "unauthenticated");
  }
});

test("who signs out where somebody else has signed in meanwhile takes nothing from either", async (t) => {
  const { service, tab, other } = await twoTabs(t);
  // Told to wait, the tab does nothing by itself in which it would notice who is signed in.
  const patience = (response) => problem(response, 429, "too-many-requests", { "retry-after": "3600" });
  service.interceptor = (request, response) => request.pathname === OPERATIONS && (patience(response), true);
  await tab.mutate("caching", { kind: "open" });
  await tab.until((status) => status.sendFailure && !status.sending);
  await other.register(EVE);
  await rejects(tab.call("logout", { discard: true }), "unauthenticated");
  await tab.until((status) => status.user?.email === "eve@example.org" && status.pending.length === 0);
  service.answerAgain();
  await tab.call("login", ADA, "correct horse");
  await tab.until(idle);
  assert.deepEqual(kinds(service, ADA), ["open"]);
});

test("a token that is renewed while somebody else signs in shows and sends nothing of the one before", async (t) => {
  const { service, tab, other } = await twoTabs(t);
  const renewal = service.hold("/v1/auth/refresh");
  service.expireTokens();
  await tab.mutate("caching", { kind: "open" });
  await renewal.asked;
  await other.register(EVE);
  await other.mutate("freshness", { kind: "complete" });
  renewal.release();
  await tab.until((status) => !status.sending);
  await other.until(idle);
  const status = await tab.status();
  assert.deepEqual([status.user.email, status.pending], [EVE, []]);
  assert.equal((await tab.statistics()).completed, 1, "the tab goes on as the second learner's");
  assert.deepEqual(kinds(service, ADA), []);
  await tab.call("login", ADA, "correct horse");
  await tab.until(idle);
  assert.deepEqual(kinds(service, ADA), ["open"]);
});

test("a response that comes when somebody else has signed in is neither shown nor stored", async (t) => {
  const { service, tab, other } = await twoTabs(t);
  const history = service.hold("/v1/me/history");
  const shown = tab.get("/v1/me/history").then(() => "shown", (error) => error.code);
  await history.asked;
  await other.register(EVE);
  history.release();
  assert.equal(await shown, "unauthenticated");
  assert.equal((await tab.status()).user.email, EVE, "the tab follows");
  await tab.call("login", ADA, "correct horse");
  await rejects(tab.get("/v1/me/history", { revalidate: false }), "offline");
});

test("results that come when another tab has signed out change nothing", async (t) => {
  // Else the other tab waits for these results before it signs out.
  const prepare = () => Object.defineProperty(Navigator.prototype, "locks", { value: undefined });
  const { service, tab, other } = await twoTabs(t, { prepare });
  const results = service.hold(OPERATIONS);
  await tab.mutate("caching", { kind: "open" });
  await results.asked;
  await other.page.evaluate(() => client.logout({ discard: true }));
  results.release();
  await tab.event('"signed-out","reason":"logout"');
  await tab.until((status) => !status.sending && status.session === "none" && status.pending.length === 0);
  assert.doesNotMatch(JSON.stringify(await disk(tab)), /u1|caching/);
  await tab.call("login", ADA, "correct horse");
  assert.deepEqual([(await tab.status()).pending, kinds(service, ADA)], [[], ["open"]]);
});

test("somebody who signs in while the operations of the one before are being sent can send their own", async (t) => {
  const { service, tab } = await twoTabs(t);
  const results = service.hold(OPERATIONS);
  await tab.mutate("caching", { kind: "open" });
  await results.asked;
  await tab.register(EVE);
  await tab.mutate("caching", { kind: "complete" });
  await tab.page.evaluate(() => {
    window.sent = client.sync().then(() => "sent", (error) => error.code);
  });
  results.release();
  assert.equal(await tab.page.evaluate(() => window.sent), "sent");
  assert.deepEqual([kinds(service, EVE), (await tab.status()).pending], [["complete"], []]);
  await tab.call("login", ADA, "correct horse");
  await tab.until(idle);
  assert.deepEqual(kinds(service, ADA), ["open"], "applied once, confirmed later");
});

for (const [target, name] of [["window", "online"], ["document", "visibilitychange"], ["window", "pageshow"]]) {
  test(`\`${name}\` is an occasion to send what another tab left, whoever signed in there`, async (t) => {
    const { service, context, tab } = await openWorld(t);
    const other = await openTab(context, service);
    await tab.register(ADA);
    service.answerAll((response) => problem(response, 503, "unavailable"));
    await tab.mutate("caching", { kind: "open" });
    await tab.page.close();
    service.answerAgain();
    await other.page.evaluate(([target, name]) => window[target].dispatchEvent(new Event(name)), [target, name]);
    await waitUntil(() => kinds(service, ADA).length === 1, "the operation arrives");
    const status = await other.until(idle);
    assert.equal(status.user.email, ADA);
  });
}
