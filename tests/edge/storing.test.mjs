/** What the edge stores, what it gives when the origin fails, and what it makes of responses that are none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, edgeStatus } from "./edge.mjs";
import { catalogFields, catalogScript } from "./origin.mjs";
import { startPair } from "./pair.mjs";

const { origin, edge } = await startPair();

/** Runs `work` while the origin refuses connections. */
async function withOriginDown(work) {
  await origin.stop();
  await work().finally(() => origin.start());
}

function assertProblem(response, status, type) {
  assert.equal(response.status, status, response.text);
  assert.equal(response.headers["content-type"], "application/problem+json");
  assert.equal(JSON.parse(response.text).type, `urn:kairos:problem:${type}`);
  assert.match(response.headers["retry-after"], /^\d+$/);
  assert.equal(response.headers["cache-control"], "no-store");
}

/** Each is asked for twice and must reach the origin twice. Fields replace those of a catalogue page; null takes one out. */
const NOT_STORED = [
  ["no-store", { "cdn-cache-control": "no-store" }],
  ["private", { "cache-control": "private, max-age=60" }],
  ["without directives", { "cdn-cache-control": null, "cache-control": null }],
  ["zero freshness", { "cdn-cache-control": "max-age=0, stale-if-error=60" }],
  ["cookies", { "set-cookie": ["a=1", "b=2"] }],
  ["unknown policy", { "kairos-policy": "something" }],
  ["policy of another route", { "kairos-policy": "catalog-module" }],
  ["policy of a learner's data", { "kairos-policy": "progress" }],
  ["no policy", { "kairos-policy": null }],
  ["no generation", { "kairos-gen": null }],
  ["degraded", { "kairos-degraded": "default" }],
  ["vary", { vary: "Accept-Encoding, Authorization" }],
  ["coding", { "content-encoding": "compress" }],
];

for (const [index, [name, fields]] of NOT_STORED.entries()) {
  test(`not stored: ${name}`, async () => {
    origin.script = catalogScript("anything", 5, fields);
    for (const round of [1, 2]) {
      const response = await ask(edge, `/v1/modules?subject=refused-${index}`);
      assert.deepEqual([response.status, response.text], [200, "anything"]);
      assert.match(edgeStatus(response), /^kairos-edge; fwd=uri-miss; detail=[a-z-]+$/);
      assert.equal(origin.asked.length, round);
      assert.deepEqual(response.headers["set-cookie"], fields["set-cookie"]);
    }
  });
}

test("not stored: any other status, which is passed on as it is", async () => {
  for (const status of [201, 204, 206, 301, 302, 307, 400, 404, 405, 410, 429, 500, 503, 599]) {
    origin.script = (_request, response) => {
      response.writeHead(status, { ...catalogFields(5), location: "/elsewhere" });
      response.end(status === 204 ? undefined : "body");
    };
    for (const round of [1, 2]) {
      origin.asked.length = round - 1;
      const response = await ask(edge, `/v1/modules?subject=status-${status}`);
      assert.deepEqual([response.status, response.text], [status, status === 204 ? "" : "body"]);
      assert.equal(response.headers.location, "/elsewhere");
      assert.equal(edgeStatus(response), "kairos-edge; fwd=uri-miss; detail=status");
      assert.equal(origin.asked.length, round);
    }
  }
});

test("not stored: what the caller forbids to store", async () => {
  origin.script = catalogScript("forbidden", 5);
  for (const _round of [1, 2]) {
    const response = await ask(edge, "/v1/modules?subject=forbidden", { headers: { "cache-control": "no-store" } });
    assert.equal(edgeStatus(response), "kairos-edge; fwd=uri-miss; detail=request");
  }
});

test("a body without a length is passed on and not stored", async () => {
  origin.script = (_request, response) => {
    response.writeHead(200, catalogFields(5));
    for (let part = 0; part < 100; part += 1) response.write("part ".repeat(1_000));
    response.end();
  };
  const response = await ask(edge, "/v1/modules?subject=chunked");
  assert.equal(response.text, "part ".repeat(100_000));
  assert.equal(edgeStatus(response), "kairos-edge; fwd=uri-miss; detail=length");
});

test("I-UP a stored response within its lifetime is served stale while the origin is down, marked", async () => {
  const path = "/v1/modules?subject=served-stale";
  origin.script = catalogScript("stored", 5, { age: "100" });
  await ask(edge, path);
  await withOriginDown(async () => {
    const response = await ask(edge, path);
    assert.deepEqual([response.status, response.text], [200, "stored"]);
    assert.equal(response.headers["kairos-degraded"], "stale");
    assert.match(response.headers["cache-status"], /^kairos-edge; hit; ttl=-\d+$/);
    assert.ok(Number(response.headers.age) >= 100);

    const head = await ask(edge, path, { method: "HEAD" });
    assert.deepEqual([head.status, head.text, head.headers["kairos-degraded"]], [200, "", "stale"]);
    const known = await ask(edge, path, { headers: { "if-none-match": response.headers.etag } });
    assert.equal(known.status, 304);
  });
  origin.script = catalogScript("stored", 6);
  const again = await ask(edge, path);
  assert.deepEqual([again.headers["kairos-degraded"], edgeStatus(again)], [undefined, "kairos-edge; fwd=stale; stored"]);
});

test("I-UP a stored response is served stale where the origin responds with an error, or with its default", async () => {
  const path = "/v1/modules?subject=errors";
  origin.script = catalogScript("stored", 5, { age: "100" });
  await ask(edge, path);
  const failures = [
    ...[500, 502, 503, 504].map((status) => (_request, response) => response.writeHead(status).end("error")),
    catalogScript("[]", 9, { "kairos-degraded": "default" }),
    (request) => request.socket.destroy(),
    (request) => request.socket.end("HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\nhi"),
    (_request, response) => {
      response.writeHead(200, { ...catalogFields(9), "content-length": 100 });
      response.write("only this", () => response.destroy());
    },
  ];
  for (const [index, script] of failures.entries()) {
    origin.script = script;
    const response = await ask(edge, path);
    assert.deepEqual([response.status, response.text, response.headers["kairos-degraded"]], [200, "stored", "stale"], `${index}`);
  }
});

test("I-SESSION a response older than the caller has seen is not served stale", async () => {
  const path = "/v1/modules?subject=seen";
  origin.script = catalogScript("stored", 5);
  await ask(edge, path);
  await withOriginDown(async () => {
    const headers = { "kairos-min-gen": "catalog=6" };
    assertProblem(await ask(edge, path, { headers }), 503, "unavailable");
  });
});

test("a response past its lifetime is not served stale", async () => {
  const path = "/v1/modules?subject=past";
  origin.script = catalogScript("stored", 5, { "cdn-cache-control": "max-age=60, stale-if-error=0", age: "59" });
  assert.equal(edgeStatus(await ask(edge, path)), "kairos-edge; fwd=uri-miss; stored");
  origin.script = (request) => request.socket.destroy();
  assertProblem(await pastExpiry(path), 503, "unavailable");
});

/** Asks until the response, which has at most a second to live, is gone: the clock is the runtime's own. */
async function pastExpiry(path) {
  for (;;) {
    const response = await ask(edge, path);
    if (response.status !== 200) return response;
  }
}

test("I-UP with no stored response and no origin there is a problem that says when to try again", async () => {
  await withOriginDown(async () => {
    assertProblem(await ask(edge, "/v1/modules?subject=nothing"), 503, "unavailable");
    assertProblem(await ask(edge, "/v1/me/progress", { headers: { authorization: "Bearer a" } }), 503, "unavailable");
    assertProblem(await ask(edge, "/health/ready"), 503, "unavailable");
    const write = await ask(edge, "/v1/me/operations", { method: "POST", body: "{}" });
    assertProblem(write, 503, "unavailable");
    assert.match(JSON.parse(write.text).detail, /took effect is unknown/);
  });
});

test("I-UP an origin that does not respond is not waited for without end", async () => {
  origin.script = () => {};
  const started = Date.now();
  assertProblem(await ask(edge, "/v1/modules?subject=silent"), 503, "unavailable");
  const took = Date.now() - started;
  assert.ok(took > 9_000 && took < 25_000, `${took} ms`);
});

test("a connection that the origin closed between two requests costs no reader a response", async () => {
  const used = new WeakSet();
  const script = catalogScript("fine", 5);
  origin.script = (request, response) => {
    if (used.has(request.socket)) return request.socket.destroy();
    used.add(request.socket);
    return script(request, response);
  };
  for (let round = 0; round < 8; round += 1) {
    for (const path of [`/v1/modules?subject=closed-${round}`, "/v1/me/progress"]) {
      const response = await ask(edge, path);
      assert.deepEqual([response.status, response.text], [200, "fine"], `round ${round}: ${path}`);
    }
  }
});

test("a connection that breaks is tried again once for a read, never for a write", async () => {
  origin.script = (request) => request.socket.destroy();
  for (const [method, path, times] of [
    ["GET", "/v1/modules?subject=broken", 2],
    ["HEAD", "/v1/me/progress", 2],
    ["POST", "/v1/me/operations", 1],
    ["DELETE", "/v1/modules/a", 1],
  ]) {
    origin.asked.length = 0;
    assert.equal((await ask(edge, path, { method, body: method === "POST" ? "{}" : undefined })).status, 503);
    assert.equal(origin.asked.length, times, `${method} ${path}`);
  }
});

test("a deleted module is removed, and does not come back when the origin is down", async () => {
  const path = "/v1/modules/deleted";
  origin.script = catalogScript("here", 5, { "kairos-policy": "catalog-module", age: "400" });
  await ask(edge, path);
  origin.script = (_request, response) => response.writeHead(404).end();
  assert.equal((await ask(edge, path)).status, 404);
  await withOriginDown(async () => assertProblem(await ask(edge, path), 503, "unavailable"));
});

const RAW = [
  ["status 999", "HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\nhi"],
  ["status 600", "HTTP/1.1 600 Odd\r\ncontent-length: 2\r\n\r\nhi"],
  ["status 101 that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: odd\r\n\r\n"],
  ["status 304 that nobody asked for", "HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n"],
  ["no status", "HTTP/1.1 hello\r\n\r\n"],
  ["no HTTP", "220 mail.example ESMTP\r\n"],
  ["nothing", ""],
];

for (const [index, [name, raw]] of RAW.entries()) {
  test(`a response that is none becomes a problem, and the worker lives on: ${name}`, async () => {
    origin.script = (request) => request.socket.end(raw);
    const isForwarded304 = raw.includes(" 304 ");
    for (const path of [`/v1/modules?subject=raw-${index}`, ...(isForwarded304 ? [] : ["/v1/me"])]) {
      const response = await ask(edge, path);
      assert.ok([502, 503].includes(response.status), `${path}: ${response.status} ${response.text}`);
      assertProblem(response, response.status, response.status === 502 ? "bad-gateway" : "unavailable");
    }
    origin.script = catalogScript("fine", 5);
    assert.equal((await ask(edge, `/v1/modules?subject=raw-${index}`)).text, "fine");
  });
}
