/** The app's own files on this device: stored in steps that can break off, and replaced by newer ones when the learner says so. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openBrowser, withStatus } from "./browser.mjs";
import { serveApp } from "./origin.mjs";

const APP = fileURLToPath(new URL("../../web/dist", import.meta.url));

for (const [step, file] of [["first", "manifest.webmanifest"], ["second", "icon-512.png"]]) {
  test(`an installation that breaks off in its ${step} step goes on where it was`, async (t) => {
    const { page, line } = await openBrowser(t);
    const broken = line.breakAt(`GET /${step === "first" ? "" : "icons/"}${file} `);
    await page.goto("/");
    // The page asks for it too, now and then: only the service worker stores it.
    await broken;
    await withStatus(page, (panel) => untilReady(page, panel));
    assert.ok(await page.evaluate(async (name) => {
      const caches_ = await Promise.all((await caches.keys()).map((key) => caches.open(key)));
      const stored = await Promise.all(caches_.map(async (cache) => (await cache.keys()).map(({ url }) => url)));
      return stored.flat().some((url) => url.endsWith(name));
    }, file));
  });
}

test("a tab on its first visit is offered a newer version, and gets it", async (t) => {
  const newer = mkdtempSync(join(tmpdir(), "kairos-newer-"));
  cpSync(APP, newer, { recursive: true });
  for (const form of ["sw.js.br", "index.html.br"]) rmSync(join(newer, form), { force: true });
  const worker = readFileSync(join(newer, "sw.js"), "utf8");
  writeFileSync(join(newer, "sw.js"), worker.replace(/"version":"\w+"/, '"version":"newer"'));
  writeFileSync(join(newer, "index.html"), readFileSync(join(newer, "index.html"), "utf8").replace("</head>", '<meta name="newer"></head>'));
  const [before, after] = await Promise.all([serveApp(), serveApp(newer)]);
  t.after(async () => {
    await Promise.all([before.stop(), after.stop()]);
    rmSync(newer, { recursive: true });
  });
  const { page, line, context } = await openBrowser(t);
  line.lead(before.url);
  await page.goto("/");
  const other = await context.newPage();
  await other.goto("/");
  await withStatus(page, (panel) => panel.getByText("ready for use with no network").waitFor());
  line.lead(after.url);
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.update());
  const offer = page.getByText("A newer version of this app is ready");
  await offer.waitFor();
  await page.getByRole("button", { name: "Reload" }).click();
  await page.waitForFunction(() => document.querySelector('meta[name="newer"]') !== null);
  await page.locator(".module-row").first().waitFor();
  assert.equal(await offer.count(), 0);
  await other.getByText("A newer version of this app is ready").waitFor();
});

/** Tells the page that the network is back, as a browser does, until everything is stored: what broke off is tried again then. */
async function untilReady(page, panel) {
  const ready = panel.getByText("ready for use with no network").waitFor();
  const timer = setInterval(() => page.evaluate(() => dispatchEvent(new Event("online"))).catch(() => undefined), 300);
  await ready.finally(() => clearInterval(timer));
}
