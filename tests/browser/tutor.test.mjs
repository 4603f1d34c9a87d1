/** The tutor on a module's page: an answer as it is written, made safe where it is shown, and plain words where there is none. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { firstModule, newLearner } from "./api.mjs";
import { goOffline, openBrowser, signIn, untilIdle } from "./browser.mjs";
import { serveApp } from "./origin.mjs";

test("an answer shows as it is written, with what it rests on, and nothing in it runs", async (t) => {
  const model = await scriptedModel();
  const origin = await serveApp(undefined, { environment: { TUTOR_URL: model.url, TUTOR_MODEL: "scripted" } });
  t.after(async () => {
    await origin.stop();
    model.stop();
  });
  const { page, line } = await openBrowser(t);
  line.lead(origin.url);
  await page.goto("/register");
  await page.getByLabel("Name").fill("Test Learner");
  await page.getByLabel("Email").fill("learner@example.org");
  await page.getByLabel("Password").fill("a long password");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("heading", { level: 1, name: "Catalogue" }).waitFor();
  await page.goto("/modules/freshness");
  await page.getByLabel("Your question").fill("How long is a response fresh?");
  await page.getByRole("button", { name: "Ask" }).click();
  const answer = page.locator(".tutor-answer");
  await answer.getByText("A response is fresh while").waitFor();
  assert.equal(await page.getByRole("heading", { name: "It rests on" }).count(), 0, "the end is not written yet");
  model.goOn();
  await page.getByRole("heading", { name: "It rests on" }).waitFor();
  await answer.getByText("it is younger than that.").waitFor();
  const link = page.locator(".tutor-list a").first();
  assert.match(await link.getAttribute("href"), /^\/modules\/[a-z-]+(#section-.+)?$/);
  assert.equal(await answer.locator("script, img, form, iframe, [onclick], a[href^='http']").count(), 0);
  assert.equal(await page.evaluate(() => window.harmed), undefined);
  await page.getByText("A model wrote this").waitFor();
});

test("with only passages, and with no network, it says so", async (t) => {
  const [module, learner] = await Promise.all([firstModule(), newLearner()]);
  const world = await openBrowser(t);
  const { page } = world;
  await signIn(page, learner);
  await page.goto(`/modules/${module.slug}`);
  await page.getByLabel("Your question").fill("What does a cache save?");
  await page.getByRole("button", { name: "Ask" }).click();
  await page.getByText("Nobody wrote an answer this time").waitFor();
  await page.locator(".tutor-list a").first().waitFor();
  await untilIdle(page);
  await goOffline(world);
  await page.getByRole("button", { name: "Ask" }).click();
  await page.getByRole("alert").getByText("The tutor cannot be reached").waitFor();
  await page.locator(".prose p").first().waitFor();
});

/** A model that writes half of an answer, and the rest when it is told to. */
async function scriptedModel() {
  let goOn;
  const told = new Promise((resolve) => {
    goOn = resolve;
  });
  const word = (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;
  const server = createServer(async (request, response) => {
    request.resume();
    await once(request, "end");
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(word("A response is fresh while its age is below its lifetime, and "));
    await told;
    response.write(word("<img src=x onerror=\"window.harmed = 1\"><script>window.harmed = 1</script>[elsewhere](https://elsewhere.example/) "));
    response.write(word("it is younger than that."));
    response.end(`data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\ndata: [DONE]\n\n`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${server.address().port}`, goOn, stop: () => server.close() };
}
