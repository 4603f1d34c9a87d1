/** Light, dark, or as the system has it: stored on this device. Not here: the colours themselves (`styles/tokens.css`). */
import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const STORAGE_KEY = "kairos-theme";
const ORDER: readonly Theme[] = ["system", "light", "dark"];
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

export const theme = signal<Theme>(storedTheme());
/** What is on the screen now. */
export const isDark = signal(false);

export function nextTheme(): void {
  theme.value = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length] ?? "system";
}

/** Shows the document in the chosen colours, from now on. Call once, before the first render. */
export function applyTheme(): void {
  effect(() => {
    storeTheme(theme.value);
    show();
  });
  systemIsDark.addEventListener("change", show);
}

function show(): void {
  isDark.value = theme.value === "dark" || (theme.value === "system" && systemIsDark.matches);
  document.documentElement.dataset["theme"] = isDark.value ? "dark" : "light";
  const paper = getComputedStyle(document.documentElement).getPropertyValue("--paper").trim();
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", paper);
}

function storedTheme(): Theme {
  try {
    return ORDER.find((name) => name === localStorage.getItem(STORAGE_KEY)) ?? "system";
  } catch {
    return "system"; // storage may be refused; the choice then lasts as long as the page
  }
}

function storeTheme(choice: Theme): void {
  try {
    localStorage.setItem(STORAGE_KEY, choice);
  } catch {
    // as above
  }
}
