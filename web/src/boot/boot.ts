/**
 * Runs from within the document, before anything else is there: gives the shell its heading and colours and, on a first visit, asks for
 * what the view shows and draws it. The app takes over both the response and the elements (`handover.ts`, `main.tsx`).
 *
 * Not here: anything that can wait. With a service worker the app itself is on this device, and starts as soon.
 */
import { type ModuleSummary, type Page, paths } from "../api.ts";
import { initialLanguage } from "../messages/language.ts";
import { SHELL_WORDS } from "../messages/shell.ts";
import { element, fillWords, wordsOf } from "./draw.ts";
import type { FirstRequest } from "./first-request.ts";

/** Written by `build/boot-script.ts`: what is fetched ahead, once there is something to read or for it. */
declare const AHEAD: { wasm: string; module: string[]; french: string[] };
const ahead = AHEAD;

const MODULE_VIEW = /^\/modules\/([a-z0-9-]+)\/?$/;

const language = initialLanguage();
const words = SHELL_WORDS[language];
const slug = MODULE_VIEW.exec(location.pathname)?.[1];
const isCatalogue = location.pathname === "/";

showTheme();
document.documentElement.lang = language;
fillWords(words, isCatalogue);
if (!navigator.serviceWorker?.controller) {
  if (language === "fr") ahead.french.forEach(preloadScript);
  if (slug !== undefined) ahead.module.forEach(preloadScript);
  const path = firstPath();
  if (path !== undefined) window.kairosFirstRequest = request(path);
}

function firstPath(): string | undefined {
  if (slug !== undefined) return paths.module(slug);
  if (!isCatalogue) return undefined;
  const { q, subject, difficulty } = Object.fromEntries(new URLSearchParams(location.search));
  if (q !== undefined) return paths.search(q);
  return paths.modules({ ...(subject && { subject }), ...(difficulty && { difficulty }) });
}

function request(path: string): FirstRequest {
  const sentAtMs = performance.now();
  // As the client asks, so that its caches answer the same.
  const response = fetch(path, { headers: { accept: "application/json, application/problem+json" }, cache: "no-store", credentials: "omit", redirect: "error" })
    .catch(() => undefined);
  const drawn = response.then(async (answer) => {
    if (answer?.ok !== true) return "nothing";
    const body: unknown = await answer.clone().json();
    if (window.kairosFirstRequest?.isTakenOver) return slug === undefined ? "list" : "title";
    if (slug === undefined) drawList((body as Page<ModuleSummary>).items);
    else drawTitle(body as ModuleSummary);
    return slug === undefined ? "list" : "title";
  }).catch(() => "nothing");
  const settled = drawn.then((what) => {
    if (what === "list") preload({ rel: "preload", as: "fetch", href: ahead.wasm });
    // Below a title there is nothing to read yet: the view says when there is (`quiet.ts`).
    if (what === "title") return new Promise<void>(() => undefined);
  });
  return { path, response, sentAtMs, settled };
}

/** The elements that `parts/module-list.tsx` makes of the same. */
function drawList(items: ModuleSummary[]): void {
  const isSearch = location.search.includes("q=");
  const groups = new Map<string, ModuleSummary[]>();
  for (const item of items) {
    const subject = isSearch ? "" : item.subject;
    groups.set(subject, [...(groups.get(subject) ?? []), item]);
  }
  const sections = [...groups].map(([subject, group]) => {
    const list = element("ol", { class: "modules" }, ...group.map((item) => row(item, isSearch)));
    return subject === "" ? list : element("section", { class: "subject" }, element("header", { class: "subject-head" }, element("h2", { dir: "auto" }, subject)), list);
  });
  document.querySelector("#main .skeleton")?.replaceWith(...sections);
}

function row(item: ModuleSummary, withSubject: boolean): HTMLElement {
  const facts = [withSubject ? item.subject : "", wordsOf(words.difficulty, item.difficulty), item.duration_minutes > 0 ? words.minutes(item.duration_minutes) : ""];
  const link = element("a", { href: `/modules/${encodeURIComponent(item.slug)}`, lang: item.language, dir: "auto" }, item.title);
  return element("li", { class: "module-row" },
    element("span", { class: "module-number", "aria-hidden": "true" }, String(item.position + 1)),
    element("div", {},
      element(withSubject ? "h2" : "h3", { class: "module-title" }, link),
      ...(item.summary === "" ? [] : [element("p", { class: "module-summary", lang: item.language, dir: "auto" }, item.summary)]),
      element("p", { class: "module-facts" }, ...facts.filter((fact) => fact !== "").map((fact) => element("span", {}, fact))),
    ),
  );
}

/** The text itself takes what turns Markdown into something safe to show, which comes with the view. */
function drawTitle(module: ModuleSummary): void {
  const heading = document.querySelector("#main h1");
  if (heading !== null) heading.textContent = module.title;
  document.querySelector("#main .lead")?.append(element("p", { lang: module.language, dir: "auto" }, module.summary));
}

function showTheme(): void {
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem("kairos-theme");
  } catch {
    // Storage may be refused; the system's colours it is.
  }
  const isDark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
}

function preloadScript(href: string): void {
  preload(href.endsWith(".css") ? { rel: "preload", as: "style", href } : { rel: "modulepreload", href });
}

function preload(attributes: Record<string, string>): void {
  document.head.append(element("link", { crossorigin: "", ...attributes }));
}
