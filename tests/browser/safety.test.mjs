/** What hostile content can do to a reader: nothing. And what the page may do at all: what its policy says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { authorToken, KAIROS_URL, publish } from "./api.mjs";
import { openBrowser } from "./browser.mjs";

const HOSTILE = `
<script>window.harmed = "script"</script>
<img src="x" onerror="window.harmed = 'onerror'">
<svg onload="window.harmed = 'svg'"><image href="https://elsewhere.example/svg.png"/></svg>
<iframe src="https://elsewhere.example/frame"></iframe>
<style>body { background: url(https://elsewhere.example/style.png); display: none }</style>
<link rel="stylesheet" href="https://elsewhere.example/sheet.css">
<form action="https://elsewhere.example/form"><input name="password"><button>Go</button></form>
<p style="position:fixed;inset:0;background:url(https://elsewhere.example/attribute.png)" id="main" class="masthead">Styled</p>
<img src="https://elsewhere.example/a.png" srcset="https://elsewhere.example/b.png 2x" alt="Raw picture">
<video src="https://elsewhere.example/v.mp4" poster="https://elsewhere.example/p.png" autoplay></video>
<math><mtext><table><mglyph><style><img src=x onerror="window.harmed = 'mutation'"></style></mglyph></table></mtext></math>

![Markdown picture](https://elsewhere.example/c.png) ![Other scheme](//elsewhere.example/d.png)

![Picture inside](data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==) ![Relative picture](img/a.png)

[neighbour](why-caches.md#Some-section) [script link](javascript:window.harmed='link') [data link](data:text/html,<script>1</script>) [a site](https://elsewhere.example/page) [half](why-caches.md#50%)

The end.
`;

/** The policy speaks up already while the sanitiser reads the content in a document of its own, where nothing runs. */
const REFUSED = /^(Executing inline event handler|Applying inline style) violates/;

test("hostile content runs nothing, loads nothing and dresses up as nothing", async (t) => {
  const author = await authorToken();
  const module = await publish(author, { title: "Hostile content", content: HOSTILE });
  const { page } = await openBrowser(t, {}, REFUSED);
  await page.goto(`/modules/${module.slug}`);
  await page.getByText("The end.").waitFor();
  const prose = page.locator(".prose");
  await prose.getByRole("link", { name: "Markdown picture" }).waitFor();
  await prose.getByRole("link", { name: "Raw picture" }).waitFor();
  const found = await prose.evaluate((article) => ({
    harmed: window.harmed,
    elements: [...article.querySelectorAll("script, style, link, iframe, form, input, button, svg, video, math, img:not([src^='data:'])")].map((e) => e.outerHTML),
    attributes: [...article.querySelectorAll("*")].flatMap((e) => [...e.attributes]).map((a) => a.name).filter((name) => /^on|^style$|^class$|^srcset$/.test(name)),
    schemes: [...article.querySelectorAll("a[href]")].map((a) => a.protocol),
    unsafeLinks: [...article.querySelectorAll("a[href]:not([href^='/'])")].filter((a) => a.target !== "_blank" || !/noopener/.test(a.rel) || !/noreferrer/.test(a.rel)).length,
    twins: document.querySelectorAll("#main").length,
  }));
  assert.deepEqual({ ...found, schemes: new Set(found.schemes) }, { harmed: undefined, elements: [], attributes: [], schemes: new Set(["http:", "https:"]), unsafeLinks: 0, twins: 1 });
  assert.equal(await prose.getByRole("link", { name: "neighbour" }).getAttribute("href"), "/modules/why-caches#section-some-section");
  assert.equal(await prose.getByRole("img", { name: "Picture inside" }).count(), 1);
});

test("every document comes with a policy that lets nothing in from elsewhere", async () => {
  for (const path of ["/", "/modules/why-caches", "/progress"]) {
    const { headers } = await fetch(KAIROS_URL + path, { headers: { accept: "text/html" } });
    const policy = headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'self'/, path);
    assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|https?:|\*/, path);
    assert.deepEqual([headers.get("x-content-type-options"), headers.get("referrer-policy")], ["nosniff", "no-referrer"], path);
  }
});

test("no content makes the page wider than the screen", async (t) => {
  const word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk".repeat(3);
  const module = await publish(await authorToken(), {
    title: word,
    summary: word.repeat(4),
    tags: [word.slice(0, 50)],
    content: `# ${word}\n\n${word}\n\n| a | b |\n| - | - |\n| ${word} | ${word} |\n\n\`\`\`\n${word}\n\`\`\`\n\n${"> ".repeat(100)}deep\n`,
  });
  const { page } = await openBrowser(t, { viewport: { width: 320, height: 640 } });
  for (const path of ["/?subject=Tests", `/modules/${module.slug}`]) {
    await page.goto(path);
    await page.getByText(word).first().waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320, path);
  }
});

test("an address that can name no module says that there is nothing", async (t) => {
  const { page } = await openBrowser(t);
  await page.goto("/modules/No%20Such%20One");
  await page.getByRole("alert").getByText("There is nothing here").waitFor();
  await page.getByRole("link", { name: "Go to the catalogue" }).click();
  await page.locator(".module-row").first().waitFor();
});
