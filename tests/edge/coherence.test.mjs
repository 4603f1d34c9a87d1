/** Which state the edge takes for the newer: late responses, clocks that were wrong, reported generations that cannot be true, what is gone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, edgeStatus, isHit } from "./edge.mjs";
import { catalogScript, tagOf } from "./origin.mjs";
import { startPair } from "./pair.mjs";

const { origin, edge } = await startPair();

const HOUR_MS = 3_600_000;
/** The clock's own generation, so many milliseconds from now. */
const generationAt = (fromNowMs) => Math.round((Date.now() + fromNowMs) * 100);
const seen = (generation) => ({ headers: { "kairos-min-gen": `catalog=${generation}` } });
const RELOAD = { headers: { "cache-control": "no-cache" } };

test("I-SESSION an author's own write wins over what was stored while the origin's clock was ahead", async () => {
  const path = "/v1/modules?subject=clock-ahead";
  origin.script = catalogScript("before", generationAt(HOUR_MS));
  await ask(edge, path);
  // Some milliseconds on, so that what is stored was surely requested before it.
  const written = generationAt(5);
  origin.script = catalogScript("after", written);
  const own = await ask(edge, path, seen(written));
  assert.deepEqual([own.text, own.headers["kairos-gen"]], ["after", `catalog=${written}`]);
  const others = await ask(edge, path);
  assert.deepEqual([others.text, isHit(others)], ["after", true]);
});

test("a stored response whose number cannot be true gives way to the response to a reload, also to a 304", async () => {
  for (const [name, body] of [["changed", "after"], ["unchanged", "before"]]) {
    const path = `/v1/modules?subject=reload-${name}`;
    origin.script = catalogScript("before", generationAt(HOUR_MS));
    await ask(edge, path);
    const current = generationAt(0);
    origin.script = catalogScript(body, current);
    const reloaded = await ask(edge, path, RELOAD);
    assert.deepEqual([reloaded.text, edgeStatus(reloaded)], [body, "kairos-edge; fwd=request; stored"], name);
    const later = await ask(edge, path);
    assert.deepEqual([later.text, later.headers["kairos-gen"], isHit(later)], [body, `catalog=${current}`, true], name);
  }
});

test("a stale response does not win over the origin's by its number", async () => {
  const path = "/v1/modules?subject=stale-number";
  origin.script = catalogScript("higher", 7, { age: "61" });
  await ask(edge, path);
  origin.script = catalogScript("lower", 6);
  const response = await ask(edge, path);
  assert.deepEqual([response.text, edgeStatus(response)], ["lower", "kairos-edge; fwd=stale; stored"]);
  assert.ok(isHit(await ask(edge, path)));
});

test("I-SESSION a stale response does win for a caller who has seen its number", async () => {
  const path = "/v1/modules?subject=stale-seen";
  origin.script = catalogScript("seen", 7, { age: "61" });
  await ask(edge, path);
  origin.script = catalogScript("lower", 6);
  const response = await ask(edge, path, seen(7));
  assert.deepEqual([response.text, response.headers["kairos-degraded"]], ["seen", "stale"]);
  origin.script = catalogScript("seen", 6);
  const confirmed = await ask(edge, path, seen(7));
  assert.deepEqual([confirmed.text, confirmed.headers["kairos-gen"]], ["seen", "catalog=7"], "also when a 304 says less");
});

test("a caller who has seen a number that cannot be true any more gets the origin's response, and it is stored", async () => {
  const path = "/v1/modules?subject=seen-ahead";
  const ahead = generationAt(HOUR_MS);
  origin.script = catalogScript("before", ahead);
  await ask(edge, path);
  origin.script = catalogScript("after", generationAt(0));
  const headers = { ...seen(ahead).headers, ...RELOAD.headers };
  const reloaded = await ask(edge, path, { headers });
  assert.deepEqual([reloaded.text, edgeStatus(reloaded)], ["after", "kairos-edge; fwd=request; stored"]);
  const later = await ask(edge, path, seen(ahead));
  assert.deepEqual([later.text, isHit(later)], ["after", true]);
});

test("numbers that run ahead of the clock for good are served and compared like others", async () => {
  const path = "/v1/modules?subject=running-ahead";
  const number = generationAt(HOUR_MS);
  origin.script = catalogScript("first", number);
  await ask(edge, path);
  assert.ok(isHit(await ask(edge, path, seen(number))));
  origin.script = catalogScript("second", number + 2);
  const own = await ask(edge, path, seen(number + 2));
  assert.deepEqual([own.text, origin.asked.at(-1).headers["kairos-min-gen"]], ["second", `catalog=${number + 2}`]);
  assert.ok(isHit(await ask(edge, path, seen(number + 2))));
});

/** Holds the next request at the origin: `arrived` when it is there, and then answered by `script` on `release()`. */
function holdNext(script) {
  const held = {};
  held.arrived = new Promise((arrived) => {
    origin.script = (request, response) => {
      held.release = () => script(request, response);
      arrived();
    };
  });
  return held;
}

for (const [name, lateBody] of [["304", "old"], ["200", "older"]]) {
  test(`I-SESSION a late ${name} does not put back what is older than was stored meanwhile`, async () => {
    const path = `/v1/modules?subject=late-${name}`;
    origin.script = catalogScript("old", 5);
    await ask(edge, path);
    const held = holdNext(catalogScript(lateBody, 5));
    const late = ask(edge, path, RELOAD);
    await held.arrived;
    origin.script = catalogScript("new", 6);
    assert.equal((await ask(edge, path, seen(6))).text, "new");
    held.release();
    assert.equal((await late).text, "new", "nor is it given out");
    origin.asked.length = 0;
    const after = await ask(edge, path, seen(6));
    assert.deepEqual([after.text, isHit(after), origin.asked.length], ["new", true, 0]);
  });
}

test("I-SESSION a late first response does not replace what was stored meanwhile", async () => {
  const path = "/v1/modules?subject=late-first";
  const held = holdNext(catalogScript("old", 5));
  const late = ask(edge, path);
  await held.arrived;
  origin.script = catalogScript("new", 6);
  await ask(edge, path);
  held.release();
  await late;
  const after = await ask(edge, path);
  assert.deepEqual([after.text, isHit(after)], ["new", true]);
});

const MODULE = { "kairos-policy": "catalog-module" };

for (const status of [404, 410]) {
  test(`a ${status} removes what is stored in every coding`, async () => {
    const path = `/v1/modules/gone-${status}`;
    const codings = ["br", "zstd", "gzip", "identity"];
    origin.script = catalogScript("here", 5, MODULE);
    for (const coding of codings) await ask(edge, path, { headers: { "accept-encoding": coding } });
    origin.script = (_request, response) => response.writeHead(status).end();
    assert.equal((await ask(edge, path, { headers: { "accept-encoding": "gzip", "cache-control": "no-cache" } })).status, status);
    for (const coding of codings) {
      const response = await ask(edge, path, { headers: { "accept-encoding": coding } });
      assert.equal(response.status, status, coding);
    }
  });
}

for (const [name, body] of [["304", "here"], ["200", "here, changed"]]) {
  test(`a late ${name} does not bring back what was removed meanwhile`, async () => {
    const path = `/v1/modules/removed-${name}`;
    origin.script = catalogScript("here", 5, MODULE);
    await ask(edge, path);
    const held = holdNext(catalogScript(body, 5, MODULE));
    const late = ask(edge, path, RELOAD);
    await held.arrived;
    origin.script = (_request, response) => response.writeHead(404).end();
    assert.equal((await ask(edge, path, RELOAD)).status, 404);
    held.release();
    assert.equal(edgeStatus(await late), "kairos-edge; fwd=request; detail=gone");
    assert.equal((await ask(edge, path)).status, 404);
  });
}

test("a reported generation that cannot be true is neither believed nor forwarded", async () => {
  const many = Array.from({ length: 16 }, (_, n) => `user.u${n}=1`).join(", ");
  const reports = ["catalog=999999999999999", `catalog=${generationAt(HOUR_MS)}`, `catalog=6, ${many}`, "user.ab=9"];
  for (const [index, reported] of reports.entries()) {
    const path = `/v1/modules?subject=reported-${index}`;
    const headers = { "kairos-min-gen": reported };
    origin.script = catalogScript("reported", 5);
    await ask(edge, path, { headers });
    assert.equal(origin.asked.at(-1).headers["kairos-min-gen"], undefined, reported);
    origin.asked.length = 0;
    assert.ok(isHit(await ask(edge, path, { headers })), reported);
    assert.equal(origin.asked.length, 0);
  }
});

test("what is forwarded untouched carries no reported generation that cannot be true either, and a true one", async () => {
  origin.script = (_request, response) => response.writeHead(200).end();
  const [now, tooMuch] = [generationAt(0), generationAt(HOUR_MS)];
  const cases = [
    ["/v1/modules?utm=1", {}, `catalog=${tooMuch}, user.ab=${now}`, undefined],
    ["/v1/modules/large", { "if-match": '"x"' }, "catalog=999999999999999", undefined],
    ["/v1/me/progress", { authorization: "Bearer a" }, `catalog=${now}, user.ab=${now}, user.cd=${tooMuch}`, `user.ab=${now}`],
  ];
  for (const [path, fields, reported, expected] of cases) {
    await ask(edge, path, { headers: { ...fields, "kairos-min-gen": reported } });
    assert.equal(origin.asked.at(-1).headers["kairos-min-gen"], expected, path);
  }
  await ask(edge, "/v1/me/operations", { method: "POST", headers: { "kairos-min-gen": "catalog=5" }, body: "{}" });
  assert.equal(origin.asked.at(-1).headers["kairos-min-gen"], "catalog=5", "a write is not touched");
});

test("I-SESSION a 304 that lags behind a fresh response leaves it as it is, with its age", async () => {
  const path = "/v1/modules?subject=lagging";
  origin.script = catalogScript("same", 7, { date: new Date(Date.now() - 20_000).toUTCString() });
  await ask(edge, path);
  origin.script = catalogScript("same", 6, { etag: tagOf("same") });
  const response = await ask(edge, path, RELOAD);
  assert.deepEqual([response.text, response.headers["kairos-gen"]], ["same", "catalog=7"]);
  assert.equal(edgeStatus(response), "kairos-edge; fwd=request; detail=older");
  assert.ok(Number(response.headers.age) >= 20, response.headers.age);
});
