/** What the learner does is applied exactly once, or comes back rejected: whatever is lost, killed or in between (I-ONCE). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openTab, openWorld, rejects, waitUntil } from "./client.mjs";
import { json, problem } from "./service.mjs";

const OPERATIONS = "/v1/me/operations";
const EMAIL = "ada@example.org";
const idle = (status) => status.pending.length === 0 && !status.sending;

/** How often each operation was applied at the origin, by kind. */
function applied(service, email = EMAIL) {
  const { history, applied: counts } = service.user(email);
  assert.deepEqual([...counts.values()].filter((count) => count !== 1), [], "applied more than once");
  return history.map((entry) => entry.action.kind);
}

async function signedIn(t, options) {
  const world = await openWorld(t, options);
  await world.tab.register(EMAIL);
  await world.tab.replicated();
  return world;
}

test("what is recorded is durable, sent in order, and confirmed", async (t) => {
  const { service, tab } = await signedIn(t);
  const recorded = await tab.mutate("caching", { kind: "open" });
  assert.equal(recorded.durable, true);
  await tab.mutate("caching", { kind: "study", seconds: 30 });
  await tab.mutate("caching", { kind: "submit" });
  await tab.mutate("caching", { kind: "complete" });
  await tab.call("sync");
  assert.deepEqual((await tab.status()).pending, []);
  assert.deepEqual(applied(service), ["open", "study", "submit", "complete"]);
  assert.equal(service.user(EMAIL).history[0].id, recorded.id);
});

test("values out of range are refused before they are recorded", async (t) => {
  const { tab } = await signedIn(t);
  await rejects(tab.mutate("caching", { kind: "study", seconds: 0 }), "invalid-fields");
  await rejects(tab.mutate("caching", { kind: "submit", score: 101 }), "invalid-fields");
  await rejects(tab.mutate("caching", { kind: "dance" }), "invalid_argument");
  await rejects(tab.mutate("Not A Slug", { kind: "open" }), "invalid_argument");
  assert.deepEqual((await tab.status()).pending, []);
});

test("the outbox survives a reload and the death of the page", async (t) => {
  const { service, context, tab } = await signedIn(t);
  service.goAway();
  await tab.mutate("caching", { kind: "open" });
  await tab.load();
  assert.deepEqual((await tab.status()).pending.map((p) => p.action.kind), ["open"]);
  await tab.mutate("caching", { kind: "complete" });
  const debugging = await context.newCDPSession(tab.page);
  debugging.send("Page.crash").catch(() => {});
  await tab.page.waitForEvent("crash");
  service.answerAgain();
  const other = await openTab(context, service);
  await other.until(idle);
  assert.deepEqual(applied(service), ["open", "complete"]);
});

test("applied once when the origin applies it and the response is lost", async (t) => {
  const { service, tab } = await signedIn(t);
  let lost = 0;
  service.interceptor = (request, response) => {
    if (request.pathname !== OPERATIONS || lost > 1) return false;
    lost += 1;
    const nowhere = { writeHead: () => nowhere, end: () => response.destroy() };
    service.handle(request, nowhere);
    return true;
  };
  await tab.mutate("caching", { kind: "study", seconds: 60 });
  await tab.until((status) => status.pending.length === 0);
  assert.equal(lost, 2);
  assert.deepEqual(applied(service), ["study"]);
  assert.equal((await tab.statistics()).time_spent_secs, 60);
});

for (const [what, respond] of [
  ["a proxy's 404", (r) => r.writeHead(404, { "content-type": "text/html" }).end("<h1>Not found</h1>")],
  ["a captive portal's page", (r) => r.writeHead(200, { "content-type": "text/html" }).end("<h1>Welcome</h1>")],
  ["a captive portal's redirect", (r) => r.writeHead(302, { location: "/" }).end()],
  ["JSON of another service", (r) => r.writeHead(200, { "content-type": "application/json" }).end('{"ok":true}')],
  ["results of other operations", (r) => json(r, { results: [] })],
  ["the origin's own 404", (r) => problem(r, 404, "not-found")],
  ["a 500", (r) => problem(r, 500, "internal")],
  ["a 403", (r) => problem(r, 403, "forbidden")],
]) {
  test(`${what} leaves the outbox as it is`, async (t) => {
    const { service, tab } = await signedIn(t);
    service.answerAll(respond);
    await tab.mutate("caching", { kind: "open" });
    await assert.rejects(tab.call("sync"));
    const { pending, rejected } = await tab.status();
    assert.deepEqual([pending.length, rejected.length], [1, 0]);
    assert.ok(pending[0].attempts >= 1);
    service.answerAgain();
    await tab.call("sync");
    assert.deepEqual(applied(service), ["open"]);
  });
}

for (const [status, slug] of [[403, "forbidden"], [404, "not-found"], [409, "conflict"]]) {
  test(`a ${status} for operations is none for what is stored: it is shown with what waits`, async (t) => {
    const { service, tab } = await signedIn(t);
    await tab.statistics();
    service.interceptor = (request, response) => request.pathname === OPERATIONS && (problem(response, status, slug), true);
    await tab.mutate("caching", { kind: "study", seconds: 60 });
    await assert.rejects(tab.call("sync"), { code: slug });
    for (const revalidate of [true, false]) assert.equal((await tab.statistics({ revalidate })).time_spent_secs, 60);
  });
}

test("sending resumes by itself when the network is back, whatever the browser says", async (t) => {
  const { service, tab } = await signedIn(t);
  service.goAway();
  await tab.mutate("caching", { kind: "open" });
  await waitUntil(() => service.asked("POST", OPERATIONS).length > 1, "a second attempt");
  service.answerAgain();
  await tab.until(idle);
  assert.deepEqual(applied(service), ["open"]);
});

test("an `online` event is an occasion to send", async (t) => {
  const { service, tab } = await signedIn(t);
  service.answerAll((response) => problem(response, 503, "unavailable"));
  await tab.mutate("caching", { kind: "open" });
  await assert.rejects(tab.call("sync"));
  service.answerAgain();
  await tab.page.evaluate(() => window.dispatchEvent(new Event("online")));
  await tab.until(idle);
});

test("a server that asks for patience gets it", async (t) => {
  const { service, tab } = await signedIn(t);
  service.answerAll((response) => problem(response, 429, "too-many-requests", { "retry-after": "3600" }));
  await tab.mutate("caching", { kind: "open" });
  await tab.until((status) => status.pending.length === 1 && status.pending[0].attempts > 0 && !status.sending);
  const attempts = service.asked("POST", OPERATIONS).length;
  await tab.page.evaluate(() => window.dispatchEvent(new Event("online")));
  await tab.mutate("caching", { kind: "complete" });
  service.answerAgain();
  await tab.get("/v1/me/history");
  assert.deepEqual([service.asked("POST", OPERATIONS).length, (await tab.status()).pending.length], [attempts, 2]);
});

test("an expired access token is renewed and the operations go through", async (t) => {
  const { service, tab } = await signedIn(t);
  service.expireTokens();
  await tab.mutate("caching", { kind: "open" });
  await tab.until(idle);
  assert.deepEqual(applied(service), ["open"]);
  assert.equal(service.asked("POST", "/v1/auth/refresh").length, 1);
});

test("a renewal that fails by the network is no sign-out", async (t) => {
  const { service, tab } = await signedIn(t);
  service.expireTokens();
  service.interceptor = (request, response) => request.pathname === "/v1/auth/refresh" && (response.destroy(), true);
  await tab.mutate("caching", { kind: "open" });
  await rejects(tab.call("sync"), "offline");
  assert.equal((await tab.status()).session, "active");
  service.answerAgain();
  await tab.call("sync");
  assert.deepEqual(applied(service), ["open"]);
});

test("a session that ended leaves the outbox as it is; it is sent when the same user signs in, never by another", async (t) => {
  const { service, tab } = await signedIn(t);
  await tab.statistics();
  service.expireTokens({ all: true });
  await tab.mutate("caching", { kind: "open" });
  await tab.event('"signed-out","reason":"expired"');
  let status = await tab.status();
  assert.deepEqual([status.session, status.pending.length, status.user.email], ["ended", 1, EMAIL]);
  await tab.mutate("caching", { kind: "complete" });
  const offline = await tab.get("/v1/me/progress/stats");
  assert.deepEqual([offline.body.completed, offline.pending], [1, 2], "what is here still shows");

  await tab.register("eve@example.org");
  status = await tab.status();
  assert.deepEqual([status.pending, status.user.email], [[], "eve@example.org"]);
  await tab.call("sync");
  assert.deepEqual(await tab.statistics(), service.statistics("eve@example.org"));
  assert.deepEqual([applied(service, "eve@example.org"), applied(service)], [[], []]);

  await tab.call("login", EMAIL, "correct horse");
  await tab.until(idle);
  assert.deepEqual(applied(service), ["open", "complete"]);
});

test("a rejected operation comes back with the reason, stays until dismissed, and does not count", async (t) => {
  const { service, tab } = await signedIn(t);
  await tab.mutate("no-such-module", { kind: "complete" });
  await tab.mutate("caching", { kind: "open" });
  await tab.until(idle);
  await tab.load();
  const { rejected } = await tab.status();
  assert.deepEqual(rejected.map((r) => [r.module, r.problem.type]), [["no-such-module", "urn:kairos:problem:unknown-module"]]);
  assert.equal((await tab.statistics()).completed, 0);
  assert.deepEqual(applied(service), ["open"]);
  await tab.call("dismissRejected", ["another"]);
  assert.equal((await tab.status()).rejected.length, 1);
  await tab.call("dismissRejected");
  assert.deepEqual((await tab.status()).rejected, []);
});

test("one operation that the origin cannot read does not hold up the others", async (t) => {
  const { service, tab } = await signedIn(t);
  service.goAway();
  for (const kind of ["open", "submit", "complete"]) await tab.mutate("caching", { kind });
  // Else `sync` joins an attempt that is failing already.
  await tab.until((status) => status.pending.length === 3 && !status.sending);
  service.interceptor = (request, response) =>
    request.pathname === OPERATIONS &&
    request.body.operations.some((operation) => operation.action.kind === "submit") &&
    (problem(response, 422, "invalid-body"), true);
  await tab.call("sync");
  assert.deepEqual(applied(service), ["open", "complete"]);
  assert.deepEqual((await tab.status()).rejected.map((r) => r.problem.type), ["urn:kairos:problem:invalid-body"]);
});

/** The origin says something of these operations that this client does not know, and of the others what it says. */
function postpone(service, isPostponed) {
  service.interceptor = (request, response) => {
    if (request.pathname !== OPERATIONS) return false;
    const postponed = request.body.operations.filter(isPostponed);
    const others = request.body.operations.filter((operation) => !postponed.includes(operation));
    const recorder = { writeHead: () => recorder, end: (text) => (recorder.results = JSON.parse(text).results) };
    service.handle({ ...request, body: { operations: others } }, recorder);
    json(response, { results: [...recorder.results, ...postponed.map(({ id }) => ({ id, outcome: "postponed" }))] });
    return true;
  };
}

test("an outcome that the client does not know leaves the operation waiting, is asked about again after growing pauses, and is told", async (t) => {
  const { service, tab } = await signedIn(t);
  const attempts = [];
  postpone(service, () => attempts.push(Date.now()) > 0);
  await tab.mutate("caching", { kind: "open" });
  await waitUntil(() => attempts.length > 2, "two more attempts");
  const [first, second, third] = attempts;
  assert.ok(second - first >= 950 && third - second >= 1_900, `${attempts.map((at) => at - first)} ms`);
  await rejects(tab.call("sync"), "unconfirmed");
  const { pending, rejected, sendFailure } = await tab.status();
  assert.deepEqual([pending.length, rejected, sendFailure.code], [1, [], "unconfirmed"]);
  assert.equal((await tab.get("/v1/me/history")).status, 200, "reads go on");
  service.answerAgain();
  await tab.call("sync");
  assert.deepEqual([applied(service), (await tab.status()).sendFailure], [["open"], undefined]);
});

test("operations of which the origin says nothing known hold up no others", async (t) => {
  const { service, tab } = await signedIn(t);
  // Nothing is sent by itself for an hour.
  service.answerAll((response) => problem(response, 429, "too-many-requests", { "retry-after": "3600" }));
  await tab.page.evaluate(async () => {
    for (let n = 1; n <= 120; n += 1) await client.mutate({ module: "caching", action: { kind: "study", seconds: 1 } });
    await client.mutate({ module: "caching", action: { kind: "complete" } });
  });
  await tab.until((status) => status.pending.length === 121 && !status.sending);
  postpone(service, (operation) => operation.action.kind === "study");
  const before = service.asked("POST", OPERATIONS).length;
  await rejects(tab.call("sync"), "unconfirmed");
  assert.deepEqual(applied(service), ["complete"]);
  assert.equal(service.asked("POST", OPERATIONS).length - before, 2, "each operation is sent once, in two batches");
  service.answerAgain();
  await tab.call("sync");
  assert.equal(applied(service).length, 121);
});

test("what the origin rejects is what was sent, whatever another tab sent and recorded meanwhile", async (t) => {
  const prepare = () => Object.defineProperty(Navigator.prototype, "locks", { value: undefined });
  const { service, context, tab } = await signedIn(t, { prepare });
  const other = await openTab(context, service);
  const held = [];
  let isOther = false;
  service.interceptor = (request, response) => {
    if (request.pathname !== OPERATIONS || isOther || held.length > 7) return false;
    held.push(response);
    return true;
  };
  await tab.mutate("caching", { kind: "study", seconds: 1 });
  for (let turn = 1; turn <= 8; turn += 1) {
    await waitUntil(async () => held.length === turn || (await tab.status()).rejected.length > 0);
    assert.deepEqual((await tab.status()).rejected, []);
    isOther = true;
    await other.call("sync");
    const patience = (response) => problem(response, 429, "too-many-requests", { "retry-after": "3600" });
    const others = service.interceptor;
    service.answerAll(patience);
    await other.mutate("caching", { kind: "study", seconds: turn + 1 });
    await other.until((status) => status.pending.length === 1 && !status.sending);
    service.interceptor = others;
    isOther = false;
    problem(held.at(-1), 422, "invalid-body");
  }
  await tab.until((status) => status.pending.length === 0 && !status.sending);
  assert.deepEqual((await tab.status()).rejected, []);
  assert.deepEqual(service.user(EMAIL).history.map((entry) => entry.action.seconds), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  applied(service);
});

test("a long outbox goes in batches of at most a hundred, in order", async (t) => {
  const { service, tab } = await signedIn(t);
  service.goAway();
  await tab.page.evaluate(async () => {
    for (let seconds = 1; seconds <= 230; seconds += 1) {
      await client.mutate({ module: "caching", action: { kind: "study", seconds } });
    }
  });
  service.answerAgain();
  await tab.call("sync");
  const sent = service.user(EMAIL).history.map((entry) => entry.action.seconds);
  assert.deepEqual(sent, Array.from({ length: 230 }, (_, index) => index + 1));
  const sizes = service.asked("POST", OPERATIONS).map((request) => request.body.operations.length);
  assert.ok(Math.max(...sizes) <= 100, `${sizes}`);
});

test("two tabs record and send side by side; nothing is lost or doubled", async (t) => {
  const { service, context, tab } = await signedIn(t);
  const other = await openTab(context, service);
  const record = (one) =>
    one.page.evaluate(async () => {
      for (let n = 0; n < 20; n += 1) await client.mutate({ module: "caching", action: { kind: "study", seconds: 1 } });
    });
  await Promise.all([record(tab), record(other)]);
  await Promise.all([tab.call("sync"), other.call("sync")]);
  assert.equal(applied(service).length, 40);
  assert.equal(service.statistics(EMAIL).time_spent_secs, 40);
  assert.equal((await other.statistics()).time_spent_secs, 40);
  assert.equal((await tab.statistics()).time_spent_secs, 40);
});
