/** What a learner does with no network: reads, records, reloads; and what becomes of it afterwards. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { authorToken, firstModule, newLearner, publish, send, tokenOf } from "./api.mjs";
import { finishOffline, goOffline, goOnline, mainLink, openBrowser, signIn, untilIdle, waitForTile, withStatus } from "./browser.mjs";

test("what is done offline shows at once, survives a reload, and is applied at the origin exactly once", async (t) => {
  const [module, learner] = await Promise.all([firstModule(), newLearner()]);
  const world = await openBrowser(t);
  const { page } = world;
  await signIn(page, learner);
  await page.getByRole("link", { name: module.title, exact: true }).click();
  const text = await page.locator(".prose").innerText();
  await untilIdle(page);

  await goOffline(world);
  await mainLink(page, "Catalogue").click();
  await page.getByRole("link", { name: module.title, exact: true }).click();
  assert.equal(await page.locator(".prose").innerText(), text, "reads the same offline");
  await page.getByRole("button", { name: "I have finished this" }).click();
  await page.getByText("You have finished this.").waitFor();
  await page.getByLabel("Score in percent").fill("80");
  await page.getByRole("button", { name: "Record score" }).click();
  await mainLink(page, "Progress").click();
  await waitForTile(page, "Completed", "1");
  await waitForTile(page, "Average score", "80 %");

  await page.reload();
  await waitForTile(page, "Completed", "1");
  await waitForTile(page, "Average score", "80 %");
  await page.goto(`/modules/${module.slug}`);
  assert.equal(await page.locator(".prose").innerText(), text, "reads the same after a reload offline");
  await withStatus(page, async (panel) => {
    await panel.getByText(`Finished ${module.title}`).waitFor();
    await panel.getByText(`Scored 80 % in ${module.title}`).waitFor();
  });

  await goOnline(world);
  // After several failures there may be a pause before it is tried again.
  await withStatus(page, (panel) => panel.getByText("Nothing waits to be sent").waitFor({ timeout: 60_000 }));
  const token = await tokenOf(learner);
  const history = (await send("GET", "/v1/me/history", undefined, token)).items;
  const count = (kind) => history.filter((entry) => entry.module === module.slug && entry.action.kind === kind).length;
  assert.deepEqual([count("open"), count("complete"), count("submit")], [1, 1, 1], JSON.stringify(history));
  const [record] = (await send("GET", "/v1/me/progress", undefined, token)).items;
  assert.deepEqual([record.status, record.best_score, record.attempts], ["completed", 80, 1]);

  await page.reload();
  await mainLink(page, "Progress").click();
  await waitForTile(page, "Completed", "1");
  await untilIdle(page);
});

test("an operation that the origin rejects comes back with the reason", async (t) => {
  const author = await authorToken();
  const [module, learner] = await Promise.all([publish(author, { title: "Gone tomorrow", content: "Read this today." }), newLearner()]);
  const world = await openBrowser(t);
  const { page } = world;
  await signIn(page, learner);
  await page.goto(`/modules/${module.slug}`);
  await page.getByText("Read this today.").waitFor();
  await untilIdle(page);

  await goOffline(world);
  await send("DELETE", `/v1/modules/${module.slug}?version=1`, undefined, author);
  await page.getByRole("button", { name: "I have finished this" }).click();
  await page.getByText("You have finished this.").waitFor();
  await goOnline(world);
  await withStatus(page, async (panel) => {
    await panel.getByRole("heading", { name: "Refused by Kaïros" }).waitFor();
    assert.match(await panel.locator(".panel-list .bad").innerText(), /\w/);
    await panel.getByRole("button", { name: "Dismiss" }).click();
    await panel.getByRole("heading", { name: "Refused by Kaïros" }).waitFor({ state: "detached" });
  });
});

test("signing out with something unsent warns, and loses nothing unless told to", async (t) => {
  const [module, learner] = await Promise.all([firstModule(), newLearner()]);
  const world = await openBrowser(t);
  const { page } = world;
  await finishOffline(world, module, learner);

  await mainLink(page, "Test Learner").click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stay signed in" }).click();
  await withStatus(page, (panel) => panel.getByText(`Finished ${module.title}`).waitFor());
  await goOnline(world);
  await withStatus(page, (panel) => panel.getByText("Nothing waits to be sent").waitFor());
  await page.getByRole("button", { name: "Sign out" }).click();
  await mainLink(page, "Sign in").waitFor();
  const [record] = (await send("GET", "/v1/me/progress", undefined, await tokenOf(learner))).items;
  assert.equal(record.status, "completed");
});
