/** One learner's data stays theirs: on this device nothing of it is left for the next. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { firstModule, newLearner, send, tokenOf } from "./api.mjs";
import { mainLink, openBrowser, signIn, signOut, untilIdle, waitForTile } from "./browser.mjs";

test("after signing out the next learner finds nothing of the one before", async (t) => {
  const [module, first, second] = await Promise.all([firstModule(), newLearner(), newLearner()]);
  const { page } = await openBrowser(t);
  await signIn(page, first);
  await page.goto(`/modules/${module.slug}`);
  await page.getByRole("button", { name: "I have finished this" }).click();
  await page.getByText("You have finished this.").waitFor();
  await untilIdle(page);
  await mainLink(page, "History").click();
  await page.getByText(`Finished ${module.title}`).waitFor();
  const done = (await send("GET", "/v1/me/history", undefined, await tokenOf(first))).items.map((entry) => entry.id);
  const traces = [first.id, first.email, ...done];
  const before = await storedText(page);
  for (const trace of traces) assert.ok(before.includes(trace), `the search for leftovers does not find ${trace}, which is there`);

  await signOut(page);
  const after = await storedText(page);
  for (const trace of traces) assert.ok(!after.includes(trace), `${trace} is still on this device`);
  await page.goto("/progress");
  await page.getByRole("heading", { name: "Sign in to see your progress" }).waitFor();

  await signIn(page, second);
  await mainLink(page, "Progress").click();
  await waitForTile(page, "Completed", "0");
  await mainLink(page, "History").click();
  await page.getByRole("heading", { name: "Nothing has happened yet" }).waitFor();
  await page.goto(`/modules/${module.slug}`);
  await page.getByRole("button", { name: "I have finished this" }).waitFor();
});

/** Everything that the app stores on this device, as one text: databases, storage, caches. */
function storedText(page) {
  return page.evaluate(async () => {
    const result = (request) => new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const bytes = (_, value) => (ArrayBuffer.isView(value) || value instanceof ArrayBuffer ? new TextDecoder().decode(value) : value);
    const stored = [JSON.stringify(localStorage), JSON.stringify(sessionStorage)];
    for (const { name } of await indexedDB.databases()) {
      const database = await result(indexedDB.open(name));
      for (const store of database.objectStoreNames) {
        const transaction = database.transaction(store);
        stored.push(JSON.stringify([await result(transaction.objectStore(store).getAllKeys()), await result(transaction.objectStore(store).getAll())], bytes));
      }
      database.close();
    }
    for (const name of await caches.keys()) stored.push(...(await (await caches.open(name)).keys()).map((request) => request.url));
    return stored.join("\n");
  });
}
