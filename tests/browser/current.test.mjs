/** What is shown stays current: newer things replace older ones, never the other way round, and a step does not load a list anew. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { transformWithOxc } from "vite";
import { firstModule, newLearner, publish, authorToken, send, tokenOf } from "./api.mjs";
import { mainLink, openBrowser, signIn, untilIdle } from "./browser.mjs";

test("an older result never replaces a newer one, in whatever order they come", async () => {
  const { Newest } = await load("newest.ts");
  const made = (atMs, receivedAtMs = 1_000_000) => ({ receivedAtMs, ageMs: receivedAtMs - atMs });
  for (const [why, first, second, isShown] of [
    ["asked for earlier, made earlier", [2, made(900_000)], [1, made(800_000)], false],
    ["asked for later, made earlier", [1, made(900_000)], [2, made(800_000)], false],
    ["asked for earlier, made later", [2, made(800_000)], [1, made(900_000)], true],
    ["the same response, asked for later", [1, made(900_000)], [2, made(900_003)], true],
    ["the same response, asked for earlier", [2, made(900_000)], [1, made(900_003)], false],
  ]) {
    const newest = new Newest();
    newest.begin();
    newest.begin();
    assert.equal(newest.accepts(...first), true);
    assert.equal(newest.accepts(...second), isShown, why);
  }
});

test("what a learner does shows at once, and does not download the list of all records again each time", async (t) => {
  const learner = await newLearner();
  const token = await tokenOf(learner);
  const author = await authorToken();
  const modules = await Promise.all(Array.from({ length: 4 }, (_, n) => publish(author, { title: `Step ${n} of ${learner.id}`, content: "Text." })));
  const first = await firstModule();
  await send("POST", "/v1/me/operations", { operations: [{ id: "op-0", module: first.slug, at_ms: 1_790_000_000_000, action: { kind: "open" } }] }, token);
  const { page, context } = await openBrowser(t);
  await signIn(page, learner);
  await page.goto(`/modules/${modules[0].slug}`);
  await untilIdle(page);
  const asked = [];
  context.on("request", (request) => /\/v1\/me\/progress(\?|$)/.test(request.url()) && asked.push(request.url()));
  for (const [n, module] of modules.entries()) {
    if (n > 0) {
      await mainLink(page, "Catalogue").click();
      await page.getByRole("link", { name: module.title, exact: true }).first().click();
    }
    await page.getByRole("heading", { level: 1, name: module.title }).waitFor();
    await page.getByRole("button", { name: "I have finished this" }).click();
    await page.getByText("You have finished this.").waitFor();
    await untilIdle(page);
  }
  // Each step opens a module and finishes it. The client itself loads the list once after each that was confirmed; the page does not.
  assert.ok(asked.length <= 2 * modules.length, `${asked.length} times for ${modules.length} steps`);
  await mainLink(page, "Progress").click();
  await page.locator(`[data-module="${modules[3].slug}"]`).getByText("Completed").waitFor();
});

/** A module of the app by itself, in Node. */
async function load(name) {
  const path = fileURLToPath(new URL(`../../web/src/${name}`, import.meta.url));
  const { code } = await transformWithOxc(await readFile(path, "utf8"), path, { sourcemap: false });
  return import(`data:text/javascript,${encodeURIComponent(code)}`);
}
