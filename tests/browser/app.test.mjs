/** The app as a thing on a device: installable, and as its owner set it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openBrowser, untilIdle } from "./browser.mjs";

test("the app can be installed", async (t) => {
  const { page, context } = await openBrowser(t);
  await page.goto("/");
  await untilIdle(page);
  const devtools = await context.newCDPSession(page);
  const { errors, data } = await devtools.send("Page.getAppManifest");
  assert.deepEqual(errors, []);
  for (const { src } of JSON.parse(data).icons) {
    const type = await page.evaluate(async (icon) => (await fetch(icon)).headers.get("content-type"), src);
    assert.match(type, /^image\//, src);
  }
  const { installabilityErrors } = await devtools.send("Page.getInstallabilityErrors");
  // The test's own browser profile is one that is thrown away.
  assert.deepEqual(installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito"), []);
});

test("the colours that were chosen stay, whatever the system has", async (t) => {
  const { page } = await openBrowser(t, { colorScheme: "light" });
  const shown = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  await page.goto("/");
  await page.getByRole("button", { name: "Colours: as the system" }).click();
  assert.equal(await shown(), "light");
  await page.getByRole("button", { name: "Colours: light" }).click();
  assert.equal(await shown(), "dark");
  await page.reload();
  await page.getByRole("button", { name: "Colours: dark" }).waitFor();
  assert.equal(await shown(), "dark");
});
