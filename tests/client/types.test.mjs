/** The client's wire types are those of the API's description. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { generateTypes, TYPES } from "../../client-wasm/build/api-types.mjs";

test("the wire types that are checked in are those of the description", async () => {
  const isUpToDate = (await readFile(TYPES, "utf8")) === (await generateTypes());
  assert.ok(isUpToDate, "client-wasm/api.d.ts is not what docs/openapi.json says: run `cargo xtask generate`");
});
