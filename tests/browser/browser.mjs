/**
 * A browser on the whole running system. Whatever a test does, it fails when the page logs an error, breaks its content
 * security policy, or asks another host for anything.
 */
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { KAIROS_URL } from "./api.mjs";
import { Line } from "./line.mjs";

/** Nothing here takes longer, unless it is broken. */
export const PATIENCE_MS = 20_000;

/** The browser's own words for a response that is an error or did not come; tests that provoke those check them elsewhere. */
const FAILED_REQUEST = /^Failed to load resource/;

/**
 * A browser with one page and a line of its own, until the test `t` ends.
 *
 * @param options For the browser context.
 * @param expected What the page may log as an error.
 */
export async function openBrowser(t, options = {}, expected = FAILED_REQUEST) {
  const line = await Line.to(KAIROS_URL);
  const browser = await chromium.launch({ executablePath: process.env.KAIROS_CHROMIUM ?? "/usr/bin/chromium" });
  const context = await browser.newContext({ baseURL: line.url, locale: "en-GB", ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const complaints = watch(context, new URL(line.url).host, expected);
  const page = await context.newPage();
  t.after(async () => {
    await browser.close();
    await line.cut();
    assert.deepEqual(complaints, [], "the page logged errors or asked other hosts");
  });
  return { page, context, line };
}

function watch(context, host, expected) {
  const complaints = [];
  context.on("console", (message) => {
    if (message.type() === "error" && !expected.test(message.text())) complaints.push(`console: ${message.text()}`);
  });
  context.on("weberror", (thrown) => complaints.push(`thrown: ${thrown.error().stack}`));
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (/^(https?|wss?):$/.test(url.protocol) && url.host !== host) complaints.push(`other host: ${url}`);
  });
  return complaints;
}

export async function signIn(page, { email, password }) {
  await page.goto("/sign-in");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Catalogue" }).waitFor();
}

export async function signOut(page) {
  await page.goto("/account");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Sign in" }).waitFor();
}

/** Off the network in every way at once: the browser says so, and connections are refused. */
export async function goOffline({ context, line }) {
  await context.setOffline(true);
  await line.cut();
}

export async function goOnline({ context, line }) {
  await line.restore();
  await context.setOffline(false);
}

/** Waits until the app can start with no network, and has nothing left to send. */
export async function untilIdle(page) {
  await withStatus(page, async (panel) => {
    await panel.getByText("ready for use with no network").waitFor();
    await panel.getByText("Nothing waits to be sent").waitFor();
  });
}

/** Signs `learner` in, opens `module`, takes the network away and finishes it: one thing waits to be sent. */
export async function finishOffline(world, module, learner) {
  const { page } = world;
  await signIn(page, learner);
  await page.goto(`/modules/${module.slug}`);
  await page.locator(".prose").waitFor();
  await untilIdle(page);
  await goOffline(world);
  await page.getByRole("button", { name: "I have finished this" }).click();
  await page.getByText("You have finished this.").waitFor();
}

/** Opens the status panel for as long as `look` takes. */
export async function withStatus(page, look) {
  const button = page.getByRole("banner").getByRole("button", { name: /^(Online|Offline)/ });
  await button.click();
  await look(page.locator("#connection-panel"));
  await button.click();
}

/** The figure on a tile of the progress view, once it is `expected`. */
export async function waitForTile(page, name, expected) {
  await page.locator(`[data-tile="${name}"] .tile-value`).getByText(expected, { exact: true }).waitFor();
}

export function mainLink(page, name) {
  return page.getByRole("navigation", { name: "Main" }).getByRole("link", { name });
}
