/** No finding of axe in either theme, on a desktop or a phone. */
import AxeBuilder from "@axe-core/playwright";
import assert from "node:assert/strict";
import { test } from "node:test";
import { firstModule, newLearner } from "./api.mjs";
import { openBrowser, signIn, withStatus } from "./browser.mjs";

/** Each theme on one kind of screen: the colours are the same on both, and so is the markup in either theme. */
const LOOKS = [
  { colorScheme: "light", viewport: { width: 1280, height: 800 } },
  { colorScheme: "dark", viewport: { width: 360, height: 740 } },
];

for (const look of LOOKS) {
  test(`axe finds nothing: ${look.colorScheme}, ${look.viewport.width} px wide`, async (t) => {
    const [module, learner] = await Promise.all([firstModule(), newLearner()]);
    const { page } = await openBrowser(t, { ...look, reducedMotion: "reduce" });
    await page.goto("/register");
    await page.getByLabel("Name").waitFor();
    await check(page, "register");
    await signIn(page, learner);
    await page.locator(".module-row").first().waitFor();
    await check(page, "catalogue");
    await page.goto(`/modules/${module.slug}`);
    await page.getByLabel("Score in percent").fill("101");
    await page.getByRole("button", { name: "Record score" }).click();
    await page.getByText("Enter a whole number").waitFor();
    await check(page, "module");
    await page.getByLabel("Score in percent").fill("70");
    await page.getByRole("button", { name: "Record score" }).click();
    await page.goto("/progress");
    await page.locator(".records").waitFor();
    await check(page, "progress");
    await withStatus(page, () => check(page, "status panel"));
    await page.goto("/history");
    await page.locator(".timeline").first().waitFor();
    await check(page, "history");
    await page.goto("/no-such-view");
    await page.getByRole("heading", { name: "There is nothing here" }).waitFor();
    await check(page, "not found");
  });
}

async function check(page, where) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n")}`);
  assert.deepEqual(told, [], where);
}
