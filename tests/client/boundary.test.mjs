/** The driver's side of the boundary: the same bytes as on the core's side (`client-wasm/boundary/src/encoding/tests.rs`). */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "kairos-boundary-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const bundle = join(folder, "encoding.mjs");
execFileSync(join(root, "node_modules/.bin/rolldown"), [join(root, "client-wasm/driver/encoding.ts"), "--format", "esm", "--file", bundle]);
const { Reader, Writer } = await import(bundle);

const sample = (name) => join(root, `client-wasm/boundary/samples/${name}.txt`);
const ENTROPY = Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
const PATH = "/v1/modules?q=ü";
const row = (store, name, number) => ({ store, owner: "u1", name, number, stamp: Number.MAX_SAFE_INTEGER, text: '1\n{"ü":"🦀"}' });
const mutate = (action) => (w) => w.byte(3).number(3).text("caching").action(action).bytes(ENTROPY);

const inputs = [
  (w) => w.byte(0).number(1).text(PATH).byte(2),
  (w) => w.byte(1).number(4_294_967_295).text(PATH),
  (w) => w.byte(2).number(2),
  mutate({ kind: "study", seconds: 30 }),
  mutate({ kind: "study", seconds: 1.5 }),
  mutate({ kind: "submit" }),
  mutate({ kind: "submit", score: "40" }),
  (w) => w.byte(4).number(4).number(2 ** 40).text("caching").action({ kind: "open" }).bytes(ENTROPY),
  (w) => w.byte(5).number(5).list([1, 2 ** 40], (number) => w.number(number)),
  (w) => w.byte(6).number(6).text("/v1/auth/login").text("{}").byte(true),
  (w) => w.byte(7).number(7).byte(true),
  (w) => w.byte(8).number(8).text("PUT").text(PATH).text(undefined),
  (w) => w.byte(9).number(9),
  (w) => w.byte(10).number(10),
  (w) => ["{}", "application/json", '"x"', "catalog=7", null, null, null, null, ""].reduce((w, text) => w.text(text), w.byte(11).number(11).number(200)),
  (w) => w.byte(12).number(12),
  (w) => w.byte(13).number(13).list([row(0, "session", 0), row(2, "", 2 ** 40)], (one) => w.row(one)),
  (w) => w.byte(14).number(14),
  (w) => w.byte(15).number(15).list([], () => {}),
  (w) => w.byte(16).number(16).byte(1),
  (w) => w.byte(17),
  (w) => w.byte(18).byte(0),
  (w) => w.byte(19).byte(1),
  (w) => w.byte(20).byte(0),
  (w) => w.byte(21).text("outbox"),
  (w) => w.byte(22).byte(5),
  (w) => w.byte(23),
  (w) => w.byte(24),
  (w) => w.byte(25),
];

const key = (store, name, number) => ({ store, owner: "u1", name, number });
const transaction = {
  guards: [
    { kind: 0, key: key(0, "session", 0), stamp: 3 }, { kind: 1, key: key(1, "", 4) }, { kind: 2, store: 3, owner: "u1" },
  ],
  deletes: [{ kind: 0, key: key(4, "/v1/me", 0) }, { kind: 1, store: 1, owner: "u1" }],
  puts: [{ ...row(4, "/v1/me", 0), ifNewer: true }, { ...row(1, "", 0), ifNewer: false }],
  isDurable: true,
};
const response = { body: '{"ü":1}', source: "edge", isStale: true, isComplete: false, ageMs: 2 ** 40, pending: 2, degraded: "stale" };
const resolve = (outcome) => ({ kind: 7, request: 1, outcome });
const effects = [
  { kind: 0, fetch: {
    fetch: 1, method: "POST", path: "/v1/me", body: undefined, token: "t", etag: undefined, minGeneration: "catalog=7", timeoutMs: 20_000,
  } },
  { kind: 1, read: 2, ranges: [
    { kind: 2, limit: 9, owner: undefined, name: undefined }, { kind: 2, limit: 9, owner: "u1", name: "/v1/me" },
  ] },
  { kind: 2, write: 3, transaction },
  { kind: 3, atMs: 2 ** 40 },
  { kind: 4, lock: 1 },
  { kind: 5, lock: 0 },
  { kind: 6, text: "outbox" },
  resolve({ kind: 0, response }),
  resolve({ kind: 1, id: "a", isDurable: true }),
  resolve({ kind: 2, profile: "{}" }),
  resolve({ kind: 3, status: 204, body: "" }),
  resolve({ kind: 4 }),
  resolve({ kind: 5, failure: { code: "pending_operations", problem: undefined } }),
  resolve({ kind: 5, failure: { code: "not-found", problem: "{}" } }),
  { kind: 8, watch: 5 },
  { kind: 9, event: 0 },
  { kind: 9, event: 3 },
];

/** Memory that is elsewhere whenever it grows, as a module's may be. */
function movingMemory() {
  const exports = { memory: { buffer: new ArrayBuffer(0) } };
  exports.reserve = (bytes) => {
    const old = new Uint8Array(exports.memory.buffer);
    exports.memory.buffer = new ArrayBuffer(bytes);
    new Uint8Array(exports.memory.buffer).set(old.subarray(0, bytes));
    return 0;
  };
  return exports;
}

test("every kind of input is written as the core reads it", () => {
  const exports = movingMemory();
  const writer = new Writer(exports);
  const lines = inputs.map((write) => {
    write(writer.begin());
    return `${Buffer.from(exports.memory.buffer, 0, writer.at).toString("hex")}\n`;
  });
  if (process.env.KAIROS_WRITE_SAMPLES) writeFileSync(sample("inputs"), lines.join(""));
  assert.deepEqual(lines.join(""), readFileSync(sample("inputs"), "utf8"));
});

test("every kind of effect is read as the core meant it", () => {
  const found = readFileSync(sample("effects"), "utf8").trim().split("\n").map((line) => {
    const bytes = Uint8Array.from(Buffer.from(line, "hex"));
    const reader = new Reader(bytes.buffer, 0, bytes.length);
    const effect = reader.effect();
    assert.ok(reader.isEmpty, line);
    return effect;
  });
  assert.deepEqual(found, effects);
});

test("a long text that needs more room than its letters goes over whole", () => {
  const exports = movingMemory();
  const writer = new Writer(exports);
  const text = `${"🦀ü".repeat(5_000)}a`;
  writer.begin().byte(1).text("before").text(text).number(7);
  const reader = new Reader(exports.memory.buffer, 0, writer.at);
  assert.deepEqual([reader.byte(), reader.text(), reader.text() === text, reader.number()], [1, "before", true, 7]);
});
