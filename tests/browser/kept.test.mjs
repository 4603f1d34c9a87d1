/** What is on this device with no network, and what is said about it: filters, searches, whole courses, a learner's own data. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { firstModule, newLearner, send, tokenOf } from "./api.mjs";
import { goOffline, mainLink, openBrowser, signIn, untilIdle } from "./browser.mjs";

test("filters work with no network on what is here", async (t) => {
  const world = await openBrowser(t);
  const { page } = world;
  await page.goto("/");
  await untilIdle(page);
  const { items } = await send("GET", "/v1/modules?difficulty=advanced");
  await goOffline(world);
  await page.getByLabel("Difficulty").selectOption("Advanced");
  await page.waitForFunction((count) => document.querySelectorAll(".module-row").length === count, items.length);
  assert.equal(await page.getByText("No network, and no copy here yet").count(), 0);
});

test("a course is kept as a whole, with its progress shown, and then read and searched with no network", async (t) => {
  const module = await firstModule();
  const world = await openBrowser(t);
  const { page } = world;
  await page.goto("/");
  await untilIdle(page);
  const course = page.locator(".subject", { hasText: module.title });
  await page.route("**/v1/modules/freshness", (route) => route.abort());
  await course.getByRole("button", { name: "Keep this course" }).click();
  await course.getByText(/^Broken off: \d+ of \d+ are here/).waitFor();
  await page.unroute("**/v1/modules/freshness");
  await course.getByRole("button", { name: "Keep this course" }).click();
  await course.getByText("This course is on this device").waitFor();

  await goOffline(world);
  const { items } = await send("GET", "/v1/modules");
  const last = items.filter(({ subject }) => subject === module.subject).at(-1);
  const { content, title, summary } = await send("GET", `/v1/modules/${last.slug}`);
  const word = content.match(/\p{L}{7,}/gu).find((found) => !`${title} ${summary}`.toLowerCase().includes(found.toLowerCase()));
  await page.getByLabel("Search modules").fill(word);
  await page.getByText("and the texts of the modules that are").waitFor();
  await page.getByRole("link", { name: title, exact: true }).click();
  await page.locator(".prose p").first().waitFor();
});

test("a learner's history and statistics are here after signing in, before they were looked at", async (t) => {
  const [module, learner] = await Promise.all([firstModule(), newLearner()]);
  await send("POST", "/v1/me/operations", { operations: [{ id: "op-1", module: module.slug, at_ms: 1_790_000_000_000, action: { kind: "complete" } }] }, await tokenOf(learner));
  const world = await openBrowser(t);
  const { page, context } = world;
  const fetched = new Promise((resolve) => context.on("response", (response) => response.url().endsWith("/v1/me/history") && resolve()));
  await signIn(page, learner);
  await fetched;
  await untilIdle(page);
  await goOffline(world);
  await mainLink(page, "History").click();
  await page.getByText(`Finished ${module.title}`).waitFor();
  await mainLink(page, "Progress").click();
  await page.locator('[data-tile="Completed"] .tile-value').getByText("1", { exact: true }).waitFor();
});

test("tabs follow each other: who signs in, what is recorded, who signs out, also one that was gone back to", async (t) => {
  const [module, learner] = await Promise.all([firstModule(), newLearner()]);
  const { page, context } = await openBrowser(t);
  await page.goto("/");
  const other = await context.newPage();
  await other.goto(`/modules/${module.slug}`);
  await mainLink(other, "Sign in").waitFor();
  await signIn(page, learner);
  await other.getByRole("button", { name: "I have finished this" }).click();
  await other.getByText("You have finished this.").waitFor();
  await page.locator(".module-row", { hasText: module.title }).getByText("Completed").waitFor();
  await page.goto("/account");
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await other.goto("/progress");
  await other.locator(".records").waitFor();
  await other.goto("about:blank");
  await page.getByRole("button", { name: "Sign out" }).click();
  await mainLink(page, "Sign in").waitFor();
  await other.goBack();
  await other.getByRole("heading", { name: "Sign in to see your progress" }).waitFor();
  assert.equal(await other.locator(".records").count(), 0);
});
