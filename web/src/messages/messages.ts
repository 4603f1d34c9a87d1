/** The table of the language that the app speaks now. English is always here; another one is fetched when it is spoken. */
import { computed, signal } from "@preact/signals";
import { en, type Messages } from "./en.ts";
import { initialLanguage, type Language, storeLanguage } from "./language.ts";

const OTHERS: Record<Exclude<Language, "en">, () => Promise<Messages>> = {
  fr: () => import("./fr.ts").then(({ fr }) => fr),
};

const shown = signal<{ language: Language; table: Messages }>({ language: "en", table: en });

export const language = computed(() => shown.value.language);

/** What the app says. Read while rendering, it is rendered again when another language is chosen. */
export function t(): Messages {
  return shown.value.table;
}

/** For dates and numbers: the browser's own kind of the language that is spoken, if it has one. */
export function locale(): string {
  return navigator.languages.find((tag) => tag.split("-", 1)[0] === language.value) ?? language.value;
}

/** Speaks the language of this device from now on. Call once, before the first rendering. */
export function speak(): Promise<void> {
  return show(initialLanguage());
}

/** Where its table cannot be fetched, the language stays what it is. */
export async function choose(chosen: Language): Promise<void> {
  await show(chosen);
  if (language.peek() === chosen) storeLanguage(chosen);
}

async function show(chosen: Language): Promise<void> {
  const table = chosen === "en" ? en : await OTHERS[chosen]().catch(() => undefined);
  if (table === undefined) return;
  shown.value = { language: chosen, table };
  document.documentElement.lang = chosen;
}
