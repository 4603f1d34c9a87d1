/** How old a response is and says it is (RFC 9111 §4.2.3), and callers that want nothing but a stored one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, edgeStatus, isHit } from "./edge.mjs";
import { catalogScript } from "./origin.mjs";
import { startPair } from "./pair.mjs";

const { origin, edge } = await startPair();

const secondsAgo = (seconds) => new Date(Date.now() - seconds * 1_000).toUTCString();
const ageOf = (response) => (response.headers.age === undefined ? undefined : Number(response.headers.age));

test("a response ages from when it was requested, not from when it came", async () => {
  const path = "/v1/modules?subject=slow";
  const script = catalogScript("slow", 5, { date: new Date(Date.now() + 60_000).toUTCString() });
  const tookMs = 2_100;
  origin.script = (request, response) => setTimeout(() => script(request, response), tookMs);
  await ask(edge, path);
  const stored = await ask(edge, path);
  assert.ok(isHit(stored), edgeStatus(stored));
  assert.ok(ageOf(stored) >= 2 && ageOf(stored) < 20, `${ageOf(stored)}`);
  // The same for one that is confirmed.
  await ask(edge, path, { headers: { "cache-control": "no-cache" } });
  const confirmed = await ask(edge, path);
  assert.ok(ageOf(confirmed) >= 2 && ageOf(confirmed) < 20, `${ageOf(confirmed)}`);
});

test("a response is as old as its Age and its Date say, whichever is more", async () => {
  const cases = [
    [{ age: "30" }, 30],
    [{ age: "30, 7" }, 30],
    [{ age: "a while" }, 0],
    [{ age: "-30" }, 0],
    [{ date: secondsAgo(25) }, 25],
    [{ date: secondsAgo(25), age: "40" }, 40],
    [{ date: secondsAgo(40), age: "25" }, 40],
    [{ date: secondsAgo(-600) }, 0],
    [{ date: "yesterday" }, 0],
  ];
  for (const [index, [fields, age]] of cases.entries()) {
    const path = `/v1/modules?subject=old-${index}`;
    origin.script = catalogScript("old", 5, fields);
    const first = await ask(edge, path);
    assert.equal(first.headers.age, fields.age, "from the origin it comes as it is");
    const stored = await ask(edge, path);
    assert.ok(isHit(stored), `${JSON.stringify(fields)}: ${edgeStatus(stored)}`);
    assert.ok(ageOf(stored) >= age && ageOf(stored) < age + 15, `${JSON.stringify(fields)}: ${ageOf(stored)}`);
    const ttl = Number(/ttl=(\d+)/.exec(edgeStatus(stored))[1]);
    assert.equal(ttl + ageOf(stored), 60);
  }
});

test("a response that was stale when it came is validated before it is used, and ages anew from then on", async () => {
  const path = "/v1/modules?subject=made-before";
  origin.script = catalogScript("made", 5, { date: secondsAgo(61) });
  await ask(edge, path);
  origin.script = catalogScript("made", 5);
  assert.equal(edgeStatus(await ask(edge, path)), "kairos-edge; fwd=stale; stored");
  const stored = await ask(edge, path);
  assert.ok(isHit(stored) && ageOf(stored) < 20, `${edgeStatus(stored)} ${ageOf(stored)}`);
});

const ONLY = { "cache-control": "only-if-cached" };

function assertNotCached(response) {
  assert.equal(response.status, 504, response.text);
  assert.equal(response.headers["content-type"], "application/problem+json");
  assert.equal(JSON.parse(response.text).type, "urn:kairos:problem:not-cached");
  assert.equal(response.headers["cache-control"], "no-store");
  assert.deepEqual([response.headers["retry-after"], response.headers["cache-status"]], [undefined, undefined]);
}

test("only-if-cached gets what is stored or 504, and never by the origin", async () => {
  const path = "/v1/modules?subject=only";
  origin.script = catalogScript("only", 5);
  assertNotCached(await ask(edge, path, { headers: ONLY }));
  for (const other of ["/v1/modules?utm=1", "/v1/me", "/health/ready"]) assertNotCached(await ask(edge, other, { headers: ONLY }));
  assert.equal(origin.asked.length, 0);

  await ask(edge, path);
  const stored = await ask(edge, path, { headers: ONLY });
  assert.deepEqual([stored.text, isHit(stored)], ["only", true]);
  assertNotCached(await ask(edge, path, { headers: { ...ONLY, "kairos-min-gen": "catalog=6" } }));
  assertNotCached(await ask(edge, path, { headers: { "cache-control": "only-if-cached, no-cache" } }));
  assert.equal(origin.asked.length, 1);
});

test("only-if-cached does not get a stale response", async () => {
  const path = "/v1/modules?subject=only-stale";
  origin.script = catalogScript("stale", 5, { age: "61" });
  await ask(edge, path);
  assertNotCached(await ask(edge, path, { headers: ONLY }));
});

test("only-if-cached says nothing about a write", async () => {
  origin.script = (_request, response) => response.writeHead(200).end("done");
  assert.equal((await ask(edge, "/v1/me/operations", { method: "POST", headers: ONLY, body: "{}" })).text, "done");
});
