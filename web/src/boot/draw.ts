/** Elements, and the shell's words in their places. Nothing is ever parsed as HTML here. */
import type { SHELL_WORDS } from "../messages/shell.ts";

type Words = (typeof SHELL_WORDS)[keyof typeof SHELL_WORDS];

export function element(name: string, attributes: Record<string, string>, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

/** The word for `key`, or the key itself where a newer server knows more than this build. */
export function wordsOf(table: Record<string, string>, key: string): string {
  return table[key] ?? key;
}

/** Puts the shell's words where `index.html` has their places, and the heading of the view, as far as it is known. */
export function fillWords(words: Words, isCatalogue: boolean): void {
  for (const place of document.querySelectorAll<HTMLElement>("[data-word]")) {
    const word = words[place.dataset["word"] as keyof Words];
    if (typeof word === "string") place.textContent = word;
  }
  document.querySelector("#app .main-nav")?.setAttribute("aria-label", words.main);
  const heading = document.querySelector("#main h1");
  if (heading !== null) heading.textContent = isCatalogue ? words.catalogue : words.loading;
  if (isCatalogue) document.querySelector("#main .lead")?.append(element("p", {}, words.catalogueLead));
}
