/** Reading: finding one's way in a text and back to it, code that can be used, print, and languages that are written from the right. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { authorToken, newLearner, publish, send, tokenOf } from "./api.mjs";
import { mainLink, openBrowser, signIn } from "./browser.mjs";

const LONG = "A paragraph of some length, again and again. ".repeat(40);
const TEXT = `# Title\n\n## First part\n\n${LONG}\n\n## Second part\n\n${LONG}\n\n\`\`\`js\nconst answer = 42; // of course\n\`\`\`\n\n### Deeper\n\n${LONG}\n\n## Third part\n\n${LONG}\n`;

test("the sections of a text are listed, with the present one marked", async (t) => {
  const module = await publish(await authorToken(), { title: "Title", content: TEXT });
  const { page } = await openBrowser(t);
  await page.goto(`/modules/${module.slug}`);
  const contents = page.getByRole("navigation", { name: "In this module" });
  await contents.waitFor();
  assert.deepEqual(await contents.getByRole("link").allTextContents(), ["First part", "Second part", "Deeper", "Third part"]);
  await contents.getByRole("link", { name: "Second part" }).click();
  await contents.locator('[aria-current="location"]', { hasText: "Second part" }).waitFor();
  await page.evaluate(() => scrollTo(0, 0));
  await contents.locator('[aria-current="location"]', { hasText: "First part" }).waitFor();
});

test("code has its language, its colours and a button that copies it; the library for that comes with code alone", async (t) => {
  const author = await authorToken();
  const [plain, coded] = await Promise.all([publish(author, { title: "Plain", content: "No code here." }), publish(author, { title: "Title", content: TEXT })]);
  const { page, context } = await openBrowser(t, { permissions: ["clipboard-read", "clipboard-write"], serviceWorkers: "block" });
  const asked = [];
  context.on("request", (request) => asked.push(request.url()));
  await page.goto(`/modules/${plain.slug}`);
  await page.getByText("No code here.").waitFor();
  assert.ok(!asked.some((url) => url.includes("/highlight-")));
  await page.goto(`/modules/${coded.slug}`);
  const block = page.locator(".code-block");
  await block.getByText("JavaScript").waitFor();
  await block.locator(".hljs-keyword", { hasText: "const" }).waitFor();
  await block.getByRole("button", { name: "Copy" }).click();
  await page.getByText("The code is copied.").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "const answer = 42; // of course\n");
});

test("a learner continues where they left off, and sees how far they are in a course", async (t) => {
  const learner = await newLearner();
  const [first, second] = (await send("GET", "/v1/modules?limit=2")).items;
  const at = (n, module, kind) => ({ id: `op-${n}`, module: module.slug, at_ms: 1_790_000_000_000 + n, action: { kind } });
  await send("POST", "/v1/me/operations", { operations: [at(1, first, "complete"), at(2, second, "open")] }, await tokenOf(learner));
  const { page } = await openBrowser(t);
  await signIn(page, learner);
  await page.locator(".subject", { hasText: first.title }).getByText(/^1 of \d+ finished$/).waitFor();
  await page.getByRole("link", { name: `Continue where you left off ${second.title}` }).click();
  await page.getByRole("heading", { level: 1, name: second.title }).waitFor();
});

test("what was searched for is marked where it was found", async (t) => {
  const { page } = await openBrowser(t);
  await page.goto("/?q=caches");
  await page.locator(".module-title mark", { hasText: /^caches$/i }).first().waitFor();
});

test("a text in Arabic is read from the right, and its code from the left", async (t) => {
  const module = await publish(await authorToken(), { title: "مقدمة", language: "ar", content: "## الجزء الأول\n\n- نص\n\n> اقتباس\n\n```js\nlet x;\n```\n" });
  const { page } = await openBrowser(t);
  await page.goto(`/modules/${module.slug}`);
  await page.locator(".prose li").waitFor();
  const shown = await page.evaluate(() => {
    const style = (selector) => getComputedStyle(document.querySelector(selector));
    const quote = style(".prose blockquote");
    return [style(".prose").direction, style("h1").direction, Number.parseFloat(quote.borderRightWidth) > Number.parseFloat(quote.borderLeftWidth), style(".prose pre").direction, document.documentElement.scrollWidth === innerWidth];
  });
  assert.deepEqual(shown, ["rtl", "rtl", true, "ltr", true]);
});

test("on paper there is the text and nothing around it", async (t) => {
  const module = await publish(await authorToken(), { title: "Title", content: TEXT });
  const { page } = await openBrowser(t);
  await page.goto(`/modules/${module.slug}`);
  await page.locator(".contents").waitFor();
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.getByText("A paragraph of some length").first().isVisible(), true);
  for (const around of [page.getByRole("banner").first(), page.locator(".contents"), page.locator(".code-head"), mainLink(page, "Catalogue")]) {
    assert.equal(await around.isVisible(), false, String(around));
  }
});
