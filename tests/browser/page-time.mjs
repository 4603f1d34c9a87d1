/**
 * How soon a first visit shows something on a bad line (row A1): `node tests/browser/page-time.mjs`, after `cargo xtask build`. It prints
 * for the catalogue and for one module, with and without compression: when the first text is on the screen, when what was come for is,
 * when the client is open, and what that took. Medians. Not a test: the machine's load is in every figure.
 *
 * `KAIROS_ORIGIN_BIN` names the origin's program; `target/release/kairos-origin` or `target/debug/kairos-origin` otherwise.
 */
import { chromium } from "playwright-core";
import { Line } from "./line.mjs";
import { serveApp } from "./origin.mjs";

const SHAPE = { kbitPerSec: 400, rttMs: 400 };
const VISITS = Number(process.env.KAIROS_VISITS ?? 3);
/** Each with what says that it can be read. */
const PAGES = { catalogue: { path: "/", readable: ".module-row" }, module: { path: "/modules/why-caches", readable: ".prose p" } };

const origin = await serveApp();
const browser = await chromium.launch({ executablePath: process.env.KAIROS_CHROMIUM ?? "/usr/bin/chromium" });
console.log(`${SHAPE.kbitPerSec} kbit/s, ${SHAPE.rttMs} ms there and back, median of ${VISITS} first visits`);
console.log("page       compressed  first text  readable  open      KB until readable  KB in all  requests");
try {
  for (const [name, page] of Object.entries(PAGES)) {
    for (const isCompressed of [true, false]) {
      const visits = [];
      for (let visit = 0; visit < VISITS; visit += 1) visits.push(await measure(page, isCompressed));
      const median = (of) => visits.map(of).sort((a, b) => a - b)[Math.floor(VISITS / 2)];
      const secs = (of) => `${(median(of) / 1_000).toFixed(1)} s`;
      const kilobytes = (of) => (median(of) / 1_000).toFixed(0);
      console.log([
        name.padEnd(10), (isCompressed ? "yes" : "no").padEnd(11), secs((v) => v.firstTextMs).padEnd(11), secs((v) => v.readableMs).padEnd(9),
        secs((v) => v.openMs).padEnd(9), kilobytes((v) => v.readableBytes).padEnd(18), kilobytes((v) => v.quietBytes).padEnd(10), median((v) => v.requests),
      ].join(" "));
    }
  }
} finally {
  await browser.close();
  await origin.stop();
}

async function measure({ path, readable }, isCompressed) {
  const line = await Line.to(origin.url, { ...SHAPE, isPlain: !isCompressed });
  const context = await browser.newContext({ locale: "en-GB" });
  try {
    const page = await context.newPage();
    let requests = 0;
    context.on("request", () => { requests += 1; });
    await page.addInitScript((selector) => {
      new MutationObserver((_, observer) => {
        if (document.querySelector(selector) === null) return;
        observer.disconnect();
        requestAnimationFrame(() => { window.readableMs = performance.now(); });
      }).observe(document, { childList: true, subtree: true });
    }, readable);
    await page.goto(line.url + path, { waitUntil: "commit" });
    await page.waitForFunction(() => window.readableMs !== undefined, undefined, { timeout: 120_000 });
    const readableBytes = line.receivedBytes;
    await page.getByRole("button", { name: "Online", exact: true }).waitFor({ timeout: 120_000 });
    const openMs = await page.evaluate(() => performance.now());
    await untilQuiet(page, line);
    const { firstTextMs, readableMs } = await page.evaluate(() => ({
      firstTextMs: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
      readableMs: window.readableMs,
    }));
    return { firstTextMs, readableMs, readableBytes, openMs, quietBytes: line.receivedBytes, requests };
  } finally {
    await context.close();
    await line.cut();
  }
}

/** Until nothing came for three seconds. */
async function untilQuiet(page, line) {
  let [bytes, atMs] = [-1, 0];
  for (;;) {
    const nowMs = await page.evaluate(() => performance.now());
    if (line.receivedBytes !== bytes) [bytes, atMs] = [line.receivedBytes, nowMs];
    else if (nowMs - atMs > 3_000) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
