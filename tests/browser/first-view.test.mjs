/** The first visit: what there is to read comes first, and everything once. How soon that is on a bad line: `page-time.mjs`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { firstModule } from "./api.mjs";
import { openBrowser, untilIdle } from "./browser.mjs";

test("the catalogue can be read before the client is there, which then asks for nothing again", async (t) => {
  const module = await firstModule();
  const { page, context } = await openBrowser(t);
  const requests = watchRequests(context);
  const release = await hold(page, "**/*.wasm");
  await page.goto("/");
  await page.getByRole("link", { name: module.title, exact: true }).waitFor();
  await page.getByRole("heading", { level: 1, name: "Catalogue" }).waitFor();
  await page.getByRole("main").getByText("what you open stays readable", { exact: false }).waitFor();
  assert.deepEqual(requests.filter((url) => /\.woff2$|progress-/.test(url)), [], "nothing that can wait is fetched before");
  const list = page.locator(".modules").first();
  await list.evaluate((element) => { element.isFromBefore = true; });
  release();
  await untilIdle(page);
  assert.equal(await list.evaluate((element) => element.isFromBefore), true, "the app takes over what is there");
  assertOnce(requests);
  assert.ok(requests.some((url) => url.endsWith(".woff2")), "the typefaces come later");
  assert.ok(!requests.some((url) => url.includes("italic")), "no italics without anything in italics");
});

test("a module can be read before the client is there, which then asks for nothing again", async (t) => {
  const module = await firstModule();
  const { page, context } = await openBrowser(t);
  const requests = watchRequests(context);
  const release = await hold(page, "**/*.wasm");
  await page.goto(`/modules/${module.slug}`);
  await page.locator(".prose p").first().waitFor();
  await page.getByRole("heading", { level: 1, name: module.title }).waitFor();
  assert.equal(await page.getByText(module.summary).count(), 1, "nothing is left of what was drawn first");
  assert.equal(await page.getByRole("link", { name: "Sign in" }).count(), 0, "nobody knows yet who is signed in");
  release();
  await page.getByRole("link", { name: "Sign in" }).first().waitFor();
  await untilIdle(page);
  assertOnce(requests);
});

test("a view opened before the client is there shows its content once it is", async (t) => {
  const module = await firstModule();
  const { page } = await openBrowser(t);
  const release = await hold(page, "**/*.wasm");
  await page.goto("/");
  await page.locator(".module-row").first().waitFor();
  await page.locator(".masthead-tools .connection").waitFor();
  await page.getByRole("link", { name: module.title, exact: true }).click();
  await page.getByText("Loading the module").waitFor({ state: "attached" });
  release();
  await page.locator(".prose p").first().waitFor();
});

test("an app whose client cannot be loaded says so, stays readable, and goes on when it can", async (t) => {
  const { page } = await openBrowser(t);
  await page.route("**/*.wasm", (route) => route.abort());
  await page.goto("/");
  await page.getByText("A part of the app could not be loaded").waitFor();
  await page.locator(".module-row").first().waitFor();
  await page.unroute("**/*.wasm");
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await page.getByRole("banner").getByRole("button", { name: "Online", exact: true }).waitFor();
  await page.getByText("A part of the app could not be loaded").waitFor({ state: "detached" });
});

/** The addresses that pages ask for, from now on. What the service worker stores, it takes from the browser's cache where it can. */
function watchRequests(context) {
  const requests = [];
  context.on("request", (request) => request.serviceWorker() === null && requests.push(request.url()));
  return requests;
}

function assertOnce(requests) {
  const twice = requests.filter((url, place) => requests.indexOf(url) !== place);
  assert.deepEqual(twice, [], "asked for more than once");
}

/** Lets nothing like `pattern` through until the returned function is called. */
async function hold(page, pattern) {
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  await page.route(pattern, async (route) => {
    await released;
    await route.continue();
  });
  return release;
}
