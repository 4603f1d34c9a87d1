/** The catalogue, and what the app says about where it came from. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { firstModule, send } from "./api.mjs";
import { goOffline, mainLink, openBrowser, untilIdle } from "./browser.mjs";

test("every view says where its content came from: the network, memory, then this device", async (t) => {
  const module = await firstModule();
  const world = await openBrowser(t);
  const { page } = world;
  await page.goto(`/modules/${module.slug}`);
  await source(page, /^(edge|origin)$/);
  // What is read before the client is open is not in its memory.
  await untilIdle(page);
  await mainLink(page, "Catalogue").click();
  await page.getByRole("link", { name: module.title, exact: true }).click();
  await source(page, /^memory$/);
  await untilIdle(page);
  await goOffline(world);
  await page.reload();
  await source(page, /^disk$/);
  await mainLink(page, "Catalogue").click();
  await page.locator(".module-row", { hasText: module.title }).getByText("Readable offline").waitFor();
});

test("a search narrows down as one types, is in the address, and works from a link", async (t) => {
  const module = await firstModule();
  const { page } = await openBrowser(t);
  await page.goto("/");
  await page.getByLabel("Search modules").fill(module.title);
  await page.getByText(`for “${module.title}”`).waitFor();
  assert.equal(new URL(page.url()).searchParams.get("q"), module.title);
  await page.getByRole("link", { name: module.title, exact: true }).waitFor();
  await page.reload();
  await page.getByText(`for “${module.title}”`).waitFor();
  assert.equal(await page.getByLabel("Search modules").inputValue(), module.title);
  await page.getByLabel("Search modules").fill("zzzzqqqq");
  await page.getByRole("button", { name: "Show all modules" }).click();
  await page.locator(".subject").first().waitFor();
});

test("a filter leaves what fits it", async (t) => {
  const { page } = await openBrowser(t);
  await page.goto("/?difficulty=advanced");
  await page.locator(".module-row").first().waitFor();
  const { items } = await send("GET", "/v1/modules?difficulty=advanced");
  assert.equal(await page.locator(".module-row").count(), items.length);
  await page.getByLabel("Difficulty").selectOption("Beginner");
  await page.locator(".module-row", { hasText: "Beginner" }).first().waitFor();
  assert.equal(await page.locator(".module-row", { hasText: "Advanced" }).count(), 0);
});

/** Waits until the view's provenance line names a source like `expected`. */
async function source(page, expected) {
  await page.waitForFunction(
    (pattern) => new RegExp(pattern).test(document.querySelector(".provenance[data-source]")?.dataset.source ?? "") && document.querySelector(".prose"),
    expected.source,
  );
}
