/** What the edge answers by itself: keys, codings, conditions, generations. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { ask, edgeStatus, isHit } from "./edge.mjs";
import { catalogScript, tagOf } from "./origin.mjs";
import { startPair } from "./pair.mjs";

const { origin, edge } = await startPair();

const MISS = "kairos-edge; fwd=uri-miss; stored";

test("a second request is answered from the store", async () => {
  origin.script = catalogScript("first", 5);
  const first = await ask(edge, "/v1/modules");
  assert.equal(first.headers["cache-status"], `kairos-origin; hit; ttl=500; detail=memory, ${MISS}`);
  assert.equal(first.headers.age, undefined);

  const second = await ask(edge, "/v1/modules");
  assert.ok(isHit(second), edgeStatus(second));
  assert.equal(second.text, "first");
  assert.match(second.headers.age, /^\d+$/);
  for (const name of ["content-type", "cache-control", "etag", "kairos-gen", "kairos-policy", "vary", "content-length"]) {
    assert.equal(second.headers[name], first.headers[name], name);
  }
  assert.equal(second.headers["cdn-cache-control"], undefined, "the edge's directives stay at the edge");
  assert.equal(second.headers["kairos-stored"], undefined);
  assert.equal(second.headers["cache-control"], "public, no-cache", "not the store's own lifetime");
  assert.equal(origin.asked.length, 1);
});

test("every spelling of a request has one key, and the origin is asked in the canonical one", async () => {
  origin.script = catalogScript("spelled", 5);
  for (const query of ["tag=b&limit=5", "limit=5&tag=%62", "&limit=5&&tag=b"]) {
    assert.equal((await ask(edge, `/v1/modules?${query}`)).text, "spelled");
  }
  assert.deepEqual(origin.asked.map(({ url }) => url), ["/v1/modules?limit=5&tag=b"]);
});

test("unknown and doubled parameters go to the origin each time", async () => {
  origin.script = catalogScript("strange", 5);
  for (const query of ["utm=1", "limit=1&limit=2", "utm=1"]) {
    assert.equal(edgeStatus(await ask(edge, `/v1/modules?${query}`)), "kairos-edge; fwd=bypass");
  }
  assert.deepEqual(origin.asked.map(({ url }) => url), ["utm=1", "limit=1&limit=2", "utm=1"].map((q) => `/v1/modules?${q}`));
});

/** A frame with one uncompressed block (RFC 8878 §3.1.1): Node 20 cannot make one. */
function zstdFrame(bytes) {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32LE(bytes.length, 5);
  header.writeUIntLE((bytes.length << 3) | 1, 9, 3);
  return Buffer.concat([header, bytes]);
}
const unframe = (frame) => frame.subarray(12);

test("each coding comes as the origin made it, byte for byte, from the origin and from the store", async () => {
  const body = Buffer.from(JSON.stringify({ items: Array.from({ length: 200 }, (_, n) => `Ka\u00efros ${n}`) }));
  const made = {
    br: [brotliCompressSync(body), brotliDecompressSync],
    gzip: [gzipSync(body, { level: 1 }), gunzipSync],
    zstd: [zstdFrame(body), unframe],
    identity: [body, (bytes) => bytes],
  };
  origin.script = (request, response) => {
    const coding = request.headers["accept-encoding"];
    const named = coding === "identity" ? {} : { "content-encoding": coding };
    catalogScript(made[coding][0], 5, named)(request, response);
  };
  for (const [coding, [bytes, decode]] of Object.entries(made)) {
    for (const round of ["origin", "store"]) {
      const headers = coding === "identity" ? {} : { "accept-encoding": coding };
      const response = await ask(edge, "/v1/modules?subject=codings", { headers });
      assert.equal(response.headers["content-encoding"], coding === "identity" ? undefined : coding, `${coding} from the ${round}`);
      assert.ok(response.bytes.equals(bytes), `${coding} from the ${round} has other bytes`);
      assert.ok(decode(response.bytes).equals(body));
      assert.equal(isHit(response), round === "store");
    }
  }
  assert.deepEqual(origin.asked.map(({ headers }) => headers["accept-encoding"]), Object.keys(made));
});

test("the origin is asked for the one coding that the caller likes best", async () => {
  origin.script = catalogScript("negotiated", 5);
  const cases = [
    ["gzip, deflate, br, zstd", "br"],
    ["gzip;q=0.1, zstd", "zstd"],
    ["deflate, compress", "identity"],
    ["br;q=0, gzip", "gzip"],
    ["", "identity"],
  ];
  for (const [index, [accepted, coding]] of cases.entries()) {
    await ask(edge, `/v1/modules?subject=negotiated-${index}`, { headers: { "accept-encoding": accepted } });
    assert.equal(origin.asked.at(-1).headers["accept-encoding"], coding, accepted);
  }
});

test("a caller that has the response gets 304 from the store, by weak comparison", async () => {
  origin.script = catalogScript("conditional", 5, { "kairos-policy": "catalog-module" });
  const { etag } = (await ask(edge, "/v1/modules/conditional")).headers;
  assert.equal(etag, tagOf("conditional"));
  origin.asked.length = 0;
  for (const [condition, status] of [[etag, 304], [`W/${etag}`, 304], [`"x", ${etag}`, 304], ["*", 304], ['"x"', 200]]) {
    const response = await ask(edge, "/v1/modules/conditional", { headers: { "if-none-match": condition } });
    assert.equal(response.status, status, condition);
    assert.equal(response.text, status === 304 ? "" : "conditional");
    assert.equal(response.headers.etag, etag);
    assert.equal(response.headers["kairos-gen"], "catalog=5");
    assert.ok(isHit(response));
  }
  assert.equal(origin.asked.length, 0);
});

test("a 304 that the caller's own tag would get does not stop the store from being filled", async () => {
  origin.script = catalogScript("known", 5);
  const headers = { "if-none-match": tagOf("known") };
  assert.equal((await ask(edge, "/v1/modules?subject=known", { headers })).status, 304);
  assert.equal(origin.asked[0].headers["if-none-match"], undefined);
  assert.ok(isHit(await ask(edge, "/v1/modules?subject=known")));
});

test("HEAD is answered from what GET stored, and stores nothing", async () => {
  origin.script = catalogScript("head", 5);
  const path = "/v1/modules?subject=head";
  const first = await ask(edge, path, { method: "HEAD" });
  assert.equal(edgeStatus(first), "kairos-edge; fwd=uri-miss; detail=head");
  assert.equal(edgeStatus(await ask(edge, path)), MISS);
  const second = await ask(edge, path, { method: "HEAD" });
  assert.ok(isHit(second));
  assert.deepEqual([second.status, second.text, second.headers["content-length"]], [200, "", "4"]);
  assert.deepEqual(origin.asked.map(({ method }) => method), ["HEAD", "GET"]);
});

test("I-SESSION a caller that has seen newer makes the edge ask, and the newer response stays", async () => {
  const path = "/v1/modules?subject=session";
  origin.script = catalogScript("old", 5);
  await ask(edge, path);
  origin.script = catalogScript("new", 6);
  assert.equal((await ask(edge, path)).text, "old", "nobody said that there is a newer one");

  const ahead = await ask(edge, path, { headers: { "kairos-min-gen": "catalog=6, user.ab=9" } });
  assert.equal(ahead.text, "new");
  assert.equal(edgeStatus(ahead), "kairos-edge; fwd=stale; stored");
  assert.equal(origin.asked.at(-1).headers["kairos-min-gen"], "catalog=6", "a list does not depend on an account");
  const later = await ask(edge, path);
  assert.deepEqual([later.text, later.headers["kairos-gen"], isHit(later)], ["new", "catalog=6", true]);
});

test("I-SESSION an unchanged response is confirmed by 304 and carries the newer generation from then on", async () => {
  const path = "/v1/modules?subject=confirmed";
  origin.script = catalogScript("same", 5);
  await ask(edge, path);
  origin.script = catalogScript("same", 8);
  const headers = { "kairos-min-gen": "catalog=8" };
  const confirmed = await ask(edge, path, { headers });
  assert.deepEqual([confirmed.status, confirmed.text, confirmed.headers["kairos-gen"]], [200, "same", "catalog=8"]);
  assert.equal(edgeStatus(confirmed), "kairos-edge; fwd=stale; stored");
  assert.equal(origin.asked.at(-1).headers["if-none-match"], tagOf("same"));
  assert.ok(isHit(await ask(edge, path, { headers })));
});

test("I-SESSION a 304 for its caller alone says what it was made from, and is not stored", async () => {
  const path = "/v1/modules?subject=alone";
  origin.script = catalogScript("same", 5);
  await ask(edge, path);
  origin.script = catalogScript("same", 8, { "cache-control": "no-store", "cdn-cache-control": null });
  const alone = await ask(edge, path, { headers: { "kairos-min-gen": "catalog=8" } });
  assert.deepEqual([alone.status, alone.text, alone.headers["kairos-gen"]], [200, "same", "catalog=8"]);
  assert.equal(alone.headers["cache-control"], "no-store");
  assert.equal(edgeStatus(alone), "kairos-edge; fwd=stale; detail=directives");
  const others = await ask(edge, path);
  assert.deepEqual([others.text, others.headers["kairos-gen"], isHit(others)], ["same", "catalog=5", true]);
});

test("I-SESSION a late, older response neither replaces a newer one nor is given out", async () => {
  const path = "/v1/modules?subject=late";
  origin.script = catalogScript("newer", 7);
  await ask(edge, path);
  for (const fields of [{}, { etag: tagOf("newer") }]) {
    origin.script = catalogScript("older", 6, fields);
    const response = await ask(edge, path, { headers: { "cache-control": "no-cache" } });
    assert.equal(response.text, "newer");
  }
  assert.equal(origin.asked.length, 3);
  const after = await ask(edge, path, { headers: { "kairos-min-gen": "catalog=7" } });
  assert.deepEqual([after.text, isHit(after)], ["newer", true]);
});

test("a caller may demand the origin's response", async () => {
  const path = "/v1/modules?subject=reload";
  origin.script = catalogScript("reload", 5);
  await ask(edge, path);
  for (const directive of ["no-cache", "max-age=0"]) {
    const response = await ask(edge, path, { headers: { "cache-control": directive } });
    assert.equal(edgeStatus(response), "kairos-edge; fwd=request; stored", directive);
  }
  assert.equal(origin.asked.length, 3);
});

test("an aged response is validated before it is used", async () => {
  const path = "/v1/modules?subject=aged";
  origin.script = catalogScript("aged", 5, { age: "61" });
  assert.equal(edgeStatus(await ask(edge, path)), MISS);
  const validated = await ask(edge, path);
  assert.equal(edgeStatus(validated), "kairos-edge; fwd=stale; stored");
  assert.equal(validated.text, "aged");
  assert.deepEqual(origin.asked.map(({ headers }) => headers["if-none-match"]), [undefined, tagOf("aged")]);
});
