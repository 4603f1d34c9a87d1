/** What a learner does is recorded: time by itself, scores when they are entered; and a long history is read page by page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { firstModule, newLearner, send, tokenOf } from "./api.mjs";
import { goOffline, mainLink, openBrowser, signIn, untilIdle } from "./browser.mjs";

async function progressOf(learner) {
  return (await send("GET", "/v1/me/progress", undefined, await tokenOf(learner))).items;
}

test("time is recorded while somebody reads, and when they leave", async (t) => {
  const [module, learner] = [await firstModule(), await newLearner()];
  const { page } = await openBrowser(t);
  await page.clock.install();
  await signIn(page, learner);
  await page.getByRole("link", { name: module.title, exact: true }).click();
  await page.locator(".prose").waitFor();
  await page.clock.runFor(185_000);
  await untilIdle(page);
  const [early] = await progressOf(learner);
  assert.ok(early.time_spent_secs >= 180 && early.time_spent_secs < 185, `${early.time_spent_secs} s`);
  await page.clock.runFor(60_000);
  await mainLink(page, "Catalogue").click();
  await page.locator(".module-row").first().waitFor();
  await untilIdle(page);
  const [late] = await progressOf(learner);
  assert.ok(late.time_spent_secs >= 240 && late.time_spent_secs < 300, `${late.time_spent_secs} s`);
  assert.equal(late.status, "in_progress");
});

test("a score from the one that the page names on completes the module", async (t) => {
  const [module, learner] = [await firstModule(), await newLearner()];
  const { page } = await openBrowser(t);
  await signIn(page, learner);
  await page.getByRole("link", { name: module.title, exact: true }).click();
  const hint = await page.locator(".score-form .hint").textContent();
  const enough = Number.parseInt(hint, 10);
  const badge = page.locator(".module-actions .badge");
  for (const [score, status] of [[enough - 1, "In progress"], [enough, "Completed"]]) {
    await page.getByLabel("Score in percent").fill(String(score));
    await page.getByRole("button", { name: "Record score" }).click();
    await page.locator(".module-actions .facts").getByText(`${score} %`).waitFor();
    await badge.getByText(status).waitFor();
  }
  await untilIdle(page);
  const [record] = await progressOf(learner);
  assert.deepEqual([record.status, record.best_score, record.attempts], ["completed", enough, 2]);
});

test("a long history comes page by page, and says what is not on this device", async (t) => {
  const [module, learner] = [await firstModule(), await newLearner()];
  const token = await tokenOf(learner);
  const operations = Array.from({ length: 60 }, (_, n) => ({
    id: `op-${n}`, module: module.slug, at_ms: 1_790_000_000_000 + n, action: { kind: "study", seconds: 1 },
  }));
  await send("POST", "/v1/me/operations", { operations }, token);
  const world = await openBrowser(t);
  const { page } = world;
  await signIn(page, learner);
  await mainLink(page, "History").click();
  const entries = page.locator(".timeline li");
  await entries.nth(49).waitFor();
  assert.equal(await entries.count(), 50);
  await untilIdle(page);
  await goOffline(world);
  await page.getByRole("button", { name: "Load more" }).click();
  await page.getByText("are not on this device").waitFor();
  assert.equal(await entries.count(), 50, "what is there stays");
  await world.line.restore();
  await world.context.setOffline(false);
  await page.getByRole("button", { name: "Try again" }).click();
  await entries.nth(59).waitFor();
  assert.equal(await entries.count(), 60);
});
