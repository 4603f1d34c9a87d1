/** Which language the app speaks: the one chosen on this device, else the first of the browser's that there is. */

/** Each in its own words. */
export const LANGUAGE_NAMES = { en: "English", fr: "Français" };

export type Language = keyof typeof LANGUAGE_NAMES;

const STORAGE_KEY = "kairos-language";

export function initialLanguage(): Language {
  return [storedLanguage(), ...navigator.languages].map(languageOf).find((language) => language !== undefined) ?? "en";
}

/** Where storage is refused, the choice lasts as long as the page. */
export function storeLanguage(language: Language): void {
  try {
    localStorage.setItem(STORAGE_KEY, language);
  } catch {
    // as above
  }
}

function storedLanguage(): string {
  try {
    return localStorage.getItem(STORAGE_KEY) ?? "";
  } catch {
    return "";
  }
}

function languageOf(tag: string): Language | undefined {
  const primary = tag.split("-", 1)[0]?.toLowerCase() ?? "";
  return primary in LANGUAGE_NAMES ? (primary as Language) : undefined;
}
