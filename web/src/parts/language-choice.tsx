/** Chooses the language that the app speaks. */
import { LANGUAGE_NAMES, type Language } from "../messages/language.ts";
import { choose, language, t } from "../messages/messages.ts";

export function LanguageChoice() {
  return (
    <label class="language">
      <span class="visually-hidden">{t().language}</span>
      <select value={language.value} onChange={(event) => void choose(event.currentTarget.value as Language)}>
        {Object.entries(LANGUAGE_NAMES).map(([code, name]) => <option key={code} value={code} lang={code} aria-label={name}>{code.toUpperCase()}</option>)}
      </select>
    </label>
  );
}
