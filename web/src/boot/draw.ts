/** Elements, and the shell's words in their places. Nothing is ever parsed as HTML here. */
import { SHELL_WORDS as words } from "../messages/shell.ts";

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

/** The heading of the view that the address names, as far as it is known. */
export function fillWords(isCatalogue: boolean): void {
  const heading = document.querySelector("#main h1");
  if (heading !== null) heading.textContent = isCatalogue ? words.catalogue : words.loading;
  if (isCatalogue) document.querySelector("#main .lead")?.append(element("p", {}, words.catalogueLead));
}
