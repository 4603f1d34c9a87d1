/** What is only forwarded: a learner's own data, writes, large bodies, the app's files. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { ask, edgeStatus } from "./edge.mjs";
import { catalogFields, catalogScript } from "./origin.mjs";
import { startPair } from "./pair.mjs";

const MEGABYTE = 1024 * 1024;
const PAGE = "<!doctype html><title>Ka\u00efros</title>";

const { origin, edge } = await startPair({ "index.html": PAGE, "app.js": "let app;" });

const as = (user) => ({ headers: { authorization: `Bearer ${user}` } });

test("I-PRIVATE a learner's data is never stored, whatever the origin's directives say", async () => {
  const claimed = [
    catalogFields(5, { "kairos-policy": "progress", "cache-control": "private, no-cache", "cdn-cache-control": null }),
    catalogFields(5),
  ];
  for (const fields of claimed) {
    origin.script = (request, response) => {
      const body = `data of ${request.headers.authorization}`;
      response.writeHead(200, { ...fields, "content-length": body.length, etag: '"same"' }).end(body);
    };
    for (const path of ["/v1/me", "/v1/me/progress", "/v1/me/progress?limit=5", "/v1/me/progress/stats", "/v1/me/history"]) {
      origin.asked.length = 0;
      for (const user of ["ada", "bob", "ada"]) {
        const response = await ask(edge, path, as(user));
        assert.equal(response.text, `data of Bearer ${user}`, path);
        assert.equal(edgeStatus(response), "kairos-edge; fwd=bypass");
      }
      assert.equal((await ask(edge, path)).text, "data of undefined", "and not to nobody");
      assert.equal(origin.asked.length, 4, path);
    }
  }
});

test("I-PRIVATE who asks for the catalogue is not told to the origin, so the response cannot depend on it", async () => {
  origin.script = (request, response) => {
    const told = JSON.stringify([request.headers.authorization, request.headers.cookie, request.headers["x-anything"]]);
    catalogScript(told, 5)(request, response);
  };
  const path = "/v1/modules?subject=asked";
  const headers = { authorization: "Bearer ada", cookie: "session=ada", "x-anything": "ada" };
  const first = await ask(edge, path, { headers });
  assert.equal(first.text, "[null,null,null]");
  const second = await ask(edge, path, as("bob"));
  assert.match(edgeStatus(second), /hit/);
  assert.equal(second.text, first.text);
  assert.equal(origin.asked.length, 1);
  const { authorization, cookie } = origin.asked[0].headers;
  assert.deepEqual([authorization, cookie], [undefined, undefined]);
});

test("I-PRIVATE paths that only look like the catalogue are forwarded with their sender's fields", async () => {
  origin.script = (request, response) => catalogScript(`for ${request.headers.authorization}`, 5)(request, response);
  for (const path of ["/v1/modules/", "/v1/modules/a/b", "/v1/modules/%6de", "/v1/modules/UP", "/v1/me/../modules?x=1", "/v1//modules"]) {
    for (const user of ["ada", "bob"]) {
      const response = await ask(edge, path, as(user));
      assert.equal(response.text, `for Bearer ${user}`, path);
      assert.equal(edgeStatus(response), "kairos-edge; fwd=bypass");
    }
  }
});

test("a write is forwarded with its body and fields, and nothing of it is stored", async () => {
  origin.script = (_request, response, body) => {
    response.writeHead(201, { ...catalogFields(9), location: "/v1/modules/x", "content-length": body.length }).end(body);
  };
  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
    const body = JSON.stringify({ method });
    const headers = { authorization: "Bearer ada", "content-type": "application/json", "idempotency-key": "k", "content-length": body.length };
    const response = await ask(edge, "/v1/modules/x", { method, headers, body });
    assert.deepEqual([response.status, response.text, response.headers.location], [201, body, "/v1/modules/x"]);
    assert.equal(edgeStatus(response), "kairos-edge; fwd=method");
    const asked = origin.asked.at(-1);
    assert.deepEqual([asked.method, asked.url, asked.body.toString()], [method, "/v1/modules/x", body]);
    for (const [name, value] of Object.entries(headers)) assert.equal(asked.headers[name], `${value}`, name);
  }
  origin.script = catalogScript("from the origin", 9, { "kairos-policy": "catalog-module" });
  assert.equal((await ask(edge, "/v1/modules/x")).text, "from the origin");
});

test("large and chunked bodies pass unchanged in both directions", async () => {
  const large = randomBytes(8 * MEGABYTE);
  origin.script = (_request, response, body) => {
    response.writeHead(200, { "content-type": "application/octet-stream" });
    for (let at = 0; at < body.length; at += 100_000) response.write(body.subarray(at, at + 100_000));
    response.end();
  };
  for (const headers of [{ "content-length": large.length }, { "transfer-encoding": "chunked" }]) {
    const response = await ask(edge, "/v1/me/operations", { method: "POST", headers, body: large });
    assert.equal(response.status, 200);
    assert.ok(response.bytes.equals(large), Object.keys(headers)[0]);
  }
});

test("codings pass unchanged, and the origin hears what the caller itself accepts", async () => {
  const packed = gzipSync("x".repeat(5_000), { level: 1 });
  origin.script = (_request, response) => response.writeHead(200, { "content-encoding": "gzip", "content-length": packed.length }).end(packed);
  for (const [accepted, heard] of [["gzip", "gzip"], ["gzip;q=0.5, *;q=0", "gzip;q=0.5, *;q=0"]]) {
    const response = await ask(edge, "/v1/me", { headers: { "accept-encoding": accepted } });
    assert.equal(response.headers["content-encoding"], "gzip");
    assert.ok(response.bytes.equals(packed));
    assert.equal(origin.asked.at(-1).headers["accept-encoding"], heard);
  }
  await ask(edge, "/v1/me");
  assert.equal(origin.asked.at(-1).headers["accept-encoding"], "identity");
});

test("redirects, cookies, empty responses and conditions of private routes pass unchanged", async () => {
  const cases = [
    [302, { location: "/elsewhere" }],
    [204, { "set-cookie": ["a=1; Path=/", "b=2"] }],
    [304, { etag: '"x"' }],
    [401, { "www-authenticate": "Bearer" }],
  ];
  for (const [status, fields] of cases) {
    origin.script = (_request, response) => response.writeHead(status, fields).end();
    const response = await ask(edge, "/v1/me", { headers: { "if-none-match": '"x"' } });
    assert.equal(response.status, status);
    for (const [name, value] of Object.entries(fields)) assert.deepEqual(response.headers[name], value);
    assert.equal(origin.asked.at(-1).headers["if-none-match"], '"x"');
  }
});

test("metrics are not for the public", async () => {
  for (const method of ["GET", "HEAD", "POST"]) {
    const response = await ask(edge, "/metrics", { method });
    assert.deepEqual([response.status, response.headers["content-type"]], [404, "application/problem+json"]);
  }
  assert.equal(origin.asked.length, 0);
});

test("the app's files and its routes are served without the origin; the API's own paths are not the app's", async () => {
  for (const [path, text, type] of [["/", PAGE, "text/html"], ["/app.js", "let app;", "text/javascript"], ["/modules/vary", PAGE, "text/html"]]) {
    const response = await ask(edge, path, { headers: { "sec-fetch-mode": "navigate" } });
    assert.deepEqual([response.status, response.text], [200, text], path);
    assert.ok(response.headers["content-type"].startsWith(type), response.headers["content-type"]);
  }
  assert.equal(origin.asked.length, 0);
  origin.script = (_request, response) => response.writeHead(200).end("origin");
  const owned = ["/v1/unknown", "/health/live", "/health/ready", "/openapi.json", "/.well-known/jwks.json"];
  for (const path of owned) {
    assert.equal((await ask(edge, path, { headers: { "sec-fetch-mode": "navigate" } })).text, "origin", path);
  }
});

test("the key set and the API's description are stored", async () => {
  origin.script = catalogScript("{}", 5, { "kairos-policy": "published", "kairos-gen": null });
  for (const path of ["/openapi.json", "/.well-known/jwks.json"]) {
    assert.equal(edgeStatus(await ask(edge, path)), "kairos-edge; fwd=uri-miss; stored");
    assert.match(edgeStatus(await ask(edge, path)), /hit/);
  }
});

test("many requests at once each get their own response", async () => {
  origin.script = (request, response) => {
    const own = `${request.url} ${request.headers.authorization ?? "-"}`;
    if (request.url.startsWith("/v1/me")) response.writeHead(200, { "content-length": own.length }).end(own);
    else catalogScript(own, 5)(request, response);
  };
  const requests = Array.from({ length: 300 }, (_, n) => {
    const path = n % 3 === 0 ? "/v1/me" : `/v1/modules?subject=many-${n % 7}`;
    return { path, expected: `${path} ${n % 3 === 0 ? `Bearer user-${n}` : "-"}`, user: `user-${n}` };
  });
  const responses = await Promise.all(requests.map(({ path, user }) => ask(edge, path, as(user))));
  assert.deepEqual(responses.map(({ text }) => text), requests.map(({ expected }) => expected));
});
