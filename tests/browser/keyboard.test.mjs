/** The way from arriving to a finished module, for somebody without a mouse. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { firstModule, newLearner, send, tokenOf } from "./api.mjs";
import { openBrowser } from "./browser.mjs";

test("signing in and finishing a module takes no more than a keyboard", async (t) => {
  const [module, learner] = await Promise.all([firstModule(), newLearner()]);
  const { page } = await openBrowser(t);
  await page.goto("/");
  await page.locator(".module-row").first().waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Skip to the content");
  await tabTo(page, "a[href='/sign-in']");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
  await tabTo(page, "input[name='email']");
  await page.keyboard.type(learner.email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(learner.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Catalogue" }).waitFor();

  await page.keyboard.press("/");
  await page.keyboard.type(module.title);
  await page.getByText(`for “${module.title}”`).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "search", "typing goes on while results arrive");
  await tabTo(page, `a[href='/modules/${module.slug}']`);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: module.title }).waitFor();
  await tabTo(page, "button.button-primary");
  await page.keyboard.press("Enter");
  await page.getByText("You have finished this.").waitFor();

  await page.getByRole("banner").getByRole("button", { name: "Online", exact: true }).waitFor();
  const [record] = (await send("GET", "/v1/me/progress", undefined, await tokenOf(learner))).items;
  assert.equal(record?.status, "completed");
});

/** Presses Tab until the focus is where `selector` points, as somebody without a mouse does. */
async function tabTo(page, selector) {
  const most = 80;
  for (let pressed = 0; pressed < most; pressed += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`${selector} cannot be reached with ${most} presses of Tab`);
}
