/** The layout over a table of screens: nothing scrolls sideways, nothing focused lies under a bar, and there is room to read. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { firstModule, newLearner } from "./api.mjs";
import { finishOffline, mainLink, openBrowser, untilIdle } from "./browser.mjs";

/** Width, height and size of text in per cent: phones, tablets, desktops; 200 % text; a desktop at 400 % zoom. */
const SCREENS = [
  [320, 640, 100], [360, 740, 100], [360, 740, 200], [412, 915, 130], [600, 900, 200], [740, 900, 100], [760, 900, 100], [780, 900, 100],
  [768, 1024, 200], [900, 700, 100], [1024, 768, 200], [1280, 800, 100], [320, 256, 100],
];

test("no screen scrolls sideways, with something waiting to be sent and a module open", async (t) => {
  const [module, learner] = await Promise.all([firstModule(), newLearner()]);
  const world = await openBrowser(t);
  const { page } = world;
  await finishOffline(world, module, learner);
  await page.getByRole("button", { name: /Offline.*1/ }).waitFor();
  const found = [];
  for (const view of ["Catalogue", "Progress", "History", "Test Learner", module.title]) {
    if (view === module.title) {
      await page.setViewportSize({ width: 1280, height: 800 });
      await mainLink(page, "Catalogue").click();
      await page.getByRole("link", { name: view, exact: true }).click();
    } else await mainLink(page, view).click();
    await page.getByRole("heading", { level: 1, name: view === "Test Learner" ? "Account" : view }).waitFor();
    for (const screen of SCREENS) {
      await show(page, screen);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      if (width > screen[0]) found.push(`${view} on ${screen.join(" ")}: ${width}, by ${await widest(page)}`);
    }
  }
  assert.deepEqual(found, []);
});

for (const screen of [[360, 740, 100], [320, 256, 100], [1280, 500, 100]]) {
  test(`what has the focus is never under a bar: ${screen.join(" ")}`, async (t) => {
    const { page } = await openBrowser(t);
    await page.goto("/");
    await untilIdle(page);
    await show(page, screen);
    const hidden = [];
    for (let pressed = 0; pressed < 40; pressed += 1) {
      await page.keyboard.press("Tab");
      const covered = await page.evaluate(() => {
        const focused = document.activeElement;
        if (focused === null || focused === document.body || focused.closest("header, nav, .skip")) return undefined;
        const box = focused.getBoundingClientRect();
        const bars = [...document.querySelectorAll(".masthead, .main-nav")].filter((bar) => /fixed|sticky/.test(getComputedStyle(bar).position));
        const isCovered = bars.some((bar) => {
          const { top, bottom } = bar.getBoundingClientRect();
          return box.top < bottom - 1 && box.bottom > top + 1;
        });
        return isCovered || box.bottom < 1 || box.top > innerHeight - 1 ? focused.textContent : undefined;
      });
      if (covered !== undefined) hidden.push(covered);
    }
    assert.deepEqual(hidden, []);
  });
}

test("at 400 % zoom three quarters of the screen are for reading", async (t) => {
  const module = await firstModule();
  const { page } = await openBrowser(t, { viewport: { width: 320, height: 256 } });
  await page.goto(`/modules/${module.slug}`);
  await page.locator(".prose p").first().waitFor();
  await untilIdle(page);
  await page.locator(".prose p").nth(2).scrollIntoViewIfNeeded();
  await page.evaluate(() => scrollBy(0, 200));
  const covered = await page.evaluate(() => {
    const bars = [...document.querySelectorAll(".masthead, .main-nav")].filter((bar) => /fixed|sticky/.test(getComputedStyle(bar).position));
    return bars.reduce((sum, bar) => {
      const { top, bottom } = bar.getBoundingClientRect();
      return sum + Math.max(0, Math.min(bottom, innerHeight) - Math.max(top, 0));
    }, 0);
  });
  assert.ok(covered <= 256 / 4, `${covered} of 256 px`);
});

async function show(page, [width, height, percent]) {
  await page.setViewportSize({ width, height });
  await page.evaluate((size) => { document.documentElement.style.fontSize = `${size}%`; }, percent);
}

/** What sticks out furthest, for whoever reads the failure. */
function widest(page) {
  return page.evaluate(() => {
    const boxes = [...document.querySelectorAll("body *")].map((element) => [element.getBoundingClientRect().right, element]);
    const [, element] = boxes.filter(([, e]) => e.closest(".table-scroll, pre, .visually-hidden") === null).sort(([a], [b]) => b - a)[0];
    return element.outerHTML.slice(0, 120);
  });
}
