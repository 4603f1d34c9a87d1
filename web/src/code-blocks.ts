/**
 * What code in a module's text gets once it is on the screen: its language named, a button that puts it on the clipboard, and colours. The library for
 * the colours is fetched only where there is code in a language that it knows.
 */
import { announce } from "./parts/announcer.tsx";
import { t } from "./messages/messages.ts";

const NAMES: Record<string, string> = {
  bash: "Shell", css: "CSS", html: "HTML", http: "HTTP", javascript: "JavaScript", js: "JavaScript", json: "JSON", python: "Python", py: "Python", rust: "Rust",
  sh: "Shell", sql: "SQL", toml: "TOML", ts: "TypeScript", typescript: "TypeScript", xml: "XML", yaml: "YAML",
};

/** Call once for each text that is shown. */
export function dressCode(article: HTMLElement): void {
  const blocks = [...article.querySelectorAll<HTMLElement>("pre > code")];
  const known: { code: HTMLElement; language: string }[] = [];
  for (const code of blocks) {
    const language = /^language-(.+)$/.exec(code.className)?.[1]?.toLowerCase() ?? "";
    addHead(code, NAMES[language] ?? (language === "text" ? "" : language));
    if (language in NAMES) known.push({ code, language });
  }
  if (known.length > 0) void colour(known);
}

function addHead(code: HTMLElement, name: string): void {
  const pre = code.parentElement;
  if (pre === null || pre.parentElement?.className === "code-block") return;
  const block = document.createElement("div");
  block.className = "code-block";
  const head = document.createElement("div");
  head.className = "code-head";
  const label = document.createElement("span");
  label.textContent = name;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-quiet button-small";
  button.textContent = t().module.copy;
  button.addEventListener("click", () => {
    navigator.clipboard.writeText(code.textContent ?? "").then(() => announce(t().module.copied), () => announce(t().module.notCopied));
  });
  head.append(label, button);
  pre.replaceWith(block);
  block.append(head, pre);
}

async function colour(blocks: { code: HTMLElement; language: string }[]): Promise<void> {
  const { highlight } = await import("./highlight.ts").catch(() => ({ highlight: undefined }));
  for (const { code, language } of blocks) {
    const coloured = highlight?.(code.textContent ?? "", language);
    // Without colours it reads as well.
    if (coloured !== undefined) code.innerHTML = coloured as string;
  }
}
