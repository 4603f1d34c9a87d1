/** Whose data is shown, and what stays when somebody leaves (I-PRIVATE). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { disk, openTab, openWorld, rejects } from "./client.mjs";
import { problem } from "./service.mjs";

const EMAIL = "ada@example.org";

test("logout sends what waits, ends the session at the origin, and wipes the user's data from disk and memory", async (t) => {
  const { service, tab } = await openWorld(t);
  await tab.register(EMAIL);
  await tab.get("/v1/modules");
  await tab.mutate("caching", { kind: "open" });
  for (const path of ["/v1/me", "/v1/me/progress", "/v1/me/progress/stats", "/v1/me/history"]) await tab.get(path);
  await tab.call("logout");
  assert.equal(service.user(EMAIL).history.length, 1);
  assert.equal(service.asked("POST", "/v1/auth/logout").length, 1);
  await tab.event('"signed-out","reason":"logout"');
  const rows = await disk(tab);
  assert.deepEqual([rows.meta, rows.operations], [[], []]);
  assert.doesNotMatch(JSON.stringify(rows), /u1|ada|access-|refresh-/i);
  const stored = rows.answers.map((row) => JSON.parse(row)[0]);
  assert.deepEqual(stored, [["", "/v1/modules"]], "the catalogue is anybody's");
  await rejects(tab.get("/v1/me/progress/stats"), "unauthenticated");
  await tab.load();
  await rejects(tab.get("/v1/me/progress/stats", { revalidate: false }), "unauthenticated");
  assert.deepEqual([(await tab.status()).user, (await tab.status()).session], [null, "none"]);
});

test("logout that would lose operations asks first", async (t) => {
  const { service, tab } = await openWorld(t);
  await tab.register(EMAIL);
  service.goAway();
  await tab.mutate("caching", { kind: "open" });
  await rejects(tab.call("logout"), "pending_operations");
  const status = await tab.status();
  assert.deepEqual([status.pending.length, status.session], [1, "active"]);
  await tab.call("logout", { discard: true });
  assert.equal((await tab.status()).session, "none");
  assert.deepEqual((await disk(tab)).operations, []);
});

test("one user's responses are never another's, and a public request carries no token", async (t) => {
  const { service, tab } = await openWorld(t);
  await tab.register(EMAIL);
  await tab.mutate("caching", { kind: "complete" });
  await tab.call("sync");
  assert.equal((await tab.statistics()).completed, 1);
  await tab.get("/v1/modules");
  assert.equal(service.requests.at(-1).headers.authorization, undefined);
  await tab.register("eve@example.org");
  service.goAway();
  await rejects(tab.get("/v1/me/history"), "offline");
  await tab.call("get", "/v1/me/progress/stats").then(
    (result) => assert.equal(result.body.completed, 0),
    (error) => assert.equal(error.code, "offline"),
  );
});

test("a response that comes after logout is not stored", async (t) => {
  const { service, tab } = await openWorld(t);
  await tab.register(EMAIL);
  await tab.replicated();
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const asked = new Promise((resolve) => {
    service.interceptor = (request, response) => {
      if (request.pathname !== "/v1/me/history") return false;
      resolve();
      held.then(() => service.handle({ ...request, headers: request.headers }, response));
      return true;
    };
  });
  const result = tab.get("/v1/me/history");
  const outcome = result.then(() => "answered", (error) => error.code);
  await asked;
  await tab.call("logout");
  release();
  assert.equal(await outcome === "answered", false);
  assert.doesNotMatch(JSON.stringify(await disk(tab)), /u1/);
});

test("a session is restored by a reload, and followed by the other tabs", async (t) => {
  const { service, context, tab } = await openWorld(t);
  await tab.register(EMAIL);
  await tab.load();
  assert.deepEqual([(await tab.status()).user.email, (await tab.status()).session], [EMAIL, "active"]);
  const other = await openTab(context, service);
  await other.statistics();
  await tab.call("logout");
  await rejects(other.get("/v1/me/progress/stats"), "unauthenticated");
  await other.event('"signed-out"');
  await rejects(other.mutate("caching", { kind: "open" }), "unauthenticated");
  assert.equal((await other.status()).session, "none");
});

test("tabs that find their token expired renew it once", async (t) => {
  const { service, context, tab } = await openWorld(t);
  await tab.register(EMAIL);
  await tab.replicated();
  const other = await openTab(context, service);
  await other.get("/v1/me");
  service.expireTokens();
  await Promise.all([tab, other].map((one) => one.get("/v1/me/history")));
  assert.equal(service.asked("POST", "/v1/auth/refresh").length, 1);
});

test("a request of the app's own is the learner's, with a token that is renewed when it is refused", async (t) => {
  const { service, tab } = await openWorld(t);
  const ask = (path, init) =>
    tab.page.evaluate(
      ([path, init]) => window.client.request(path, init).then((response) => response.status, (error) => error.code),
      [path, init],
    );
  const question = { method: "POST", headers: { "content-type": "application/json" }, body: '{"question":"why"}' };
  assert.equal(await ask("/v1/tutor/answers", question), "unauthenticated");
  await tab.register(EMAIL);
  await tab.replicated();
  assert.equal(await ask("/v1/me"), 200);
  service.expireTokens();
  assert.equal(await ask("/v1/tutor/answers", question), 404, "as it was answered");
  const [refused, sent] = service.asked("POST", "/v1/tutor/answers");
  assert.deepEqual([sent.body, refused.body], [{ question: "why" }, { question: "why" }]);
  assert.notEqual(sent.headers.authorization, refused.headers.authorization);
  assert.equal(service.asked("POST", "/v1/auth/refresh").length, 1);
  const before = service.requests.length;
  assert.equal(await ask("@elsewhere.example/v1/me"), "invalid_argument");
  assert.equal(service.requests.length, before);
  service.goAway();
  assert.equal(await ask("/v1/me"), "offline");
});

test("a sign-in that fails changes nothing and says why", async (t) => {
  const { service, tab } = await openWorld(t);
  await tab.register(EMAIL);
  await assert.rejects(tab.call("login", EMAIL, "wrong"), (error) => {
    assert.deepEqual([error.code, error.problem.status], ["wrong-credentials", 401]);
    return true;
  });
  await rejects(tab.register(EMAIL), "email-taken");
  service.answerAll((response) => problem(response, 503, "unavailable"));
  await rejects(tab.call("login", EMAIL, "right"), "unavailable");
  service.goAway();
  await rejects(tab.call("login", EMAIL, "right"), "offline");
  assert.equal((await tab.status()).user.email, EMAIL);
});
