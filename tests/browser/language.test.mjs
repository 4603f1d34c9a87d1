/** The app in another language: chosen by the browser, or by the learner for good, from the first thing on the screen on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { newLearner } from "./api.mjs";
import { openBrowser } from "./browser.mjs";

test("a browser that speaks French gets the app in French, the shell too, and English when that is chosen", async (t) => {
  const learner = await newLearner();
  const { page } = await openBrowser(t, { locale: "fr-FR" });
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  await page.route("**/assets/index-*.js", async (route) => {
    await released;
    await route.continue();
  });
  await page.goto("/", { waitUntil: "commit" });
  const main = page.getByRole("navigation", { name: "Principal" });
  await main.getByRole("link", { name: "Historique" }).waitFor();
  await page.locator(".module-row").first().getByText("Débutant").waitFor();
  release();
  await page.getByPlaceholder("Chercher un module").waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "fr");

  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(learner.email);
  await page.getByLabel("Mot de passe").fill(learner.password);
  await page.getByRole("main").getByRole("button", { name: "Se connecter" }).click();
  await page.getByRole("heading", { level: 1, name: "Catalogue" }).waitFor();
  await main.getByRole("link", { name: "Historique" }).click();
  await page.getByRole("heading", { name: "Rien n’est encore arrivé" }).waitFor();
  await page.getByLabel("Langue").selectOption("en");
  await page.getByRole("heading", { name: "Nothing has happened yet" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "History" }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
});
