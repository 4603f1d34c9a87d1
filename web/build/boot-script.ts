/**
 * A Vite plugin that writes into the document what has to be there at once: the boot script, and the styles of the first view. The
 * content security policy (`_headers`) then names both by their hashes, so that nothing else that is inline runs or is applied.
 */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build, type IndexHtmlTransformResult, type Plugin, type ResolvedConfig } from "vite";

type Bundle = NonNullable<Parameters<Extract<NonNullable<Plugin["generateBundle"]>, (...parameters: never[]) => unknown>>[1]>;

/** Where it is in `index.html`. */
const PLACE = "<!-- boot -->";
const STYLESHEET = /<link rel="stylesheet"[^>]*href="\/(assets\/[^"]+\.css)"[^>]*>/;

export function bootScript(source: string): Plugin {
  let config: ResolvedConfig;
  return {
    name: "kairos-boot-script",
    configResolved(resolved) {
      config = resolved;
    },
    transformIndexHtml: {
      order: "post",
      async handler(html, { bundle }): Promise<IndexHtmlTransformResult> {
        const ahead = bundle === undefined ? { wasm: "", module: [], french: [] } : filesAhead(bundle as Bundle);
        const script = await compile(source, ahead);
        const withScript = html.replace(PLACE, () => `<script>${script}</script>`);
        return bundle === undefined ? withScript : inlineStyles(withScript, bundle as Bundle);
      },
    },
    async writeBundle() {
      if (config.command !== "build") return;
      const folder = resolve(config.root, config.build.outDir);
      const html = await readFile(join(folder, "index.html"), "utf8");
      const rules = join(folder, "_headers");
      await writeFile(rules, withHashes(await readFile(rules, "utf8"), html));
    },
  };
}

/** As one classic script. `<` never stands before `/script` or `!--` in it, as neither is in the source. */
async function compile(entry: string, ahead: object): Promise<string> {
  const output = await build({
    configFile: false,
    logLevel: "silent",
    define: { AHEAD: JSON.stringify(ahead) },
    build: { write: false, target: "es2022", lib: { entry, formats: ["iife"], name: "boot" }, minify: true },
  });
  const first = [output].flat()[0];
  const chunk = first !== undefined && "output" in first ? first.output[0] : undefined;
  if (chunk === undefined || /<\/script|<!--/i.test(chunk.code)) throw new Error("the boot script cannot stand in the document");
  return chunk.code.trim();
}

/** The addresses of what the boot script fetches ahead. */
function filesAhead(bundle: Bundle): { wasm: string; module: string[]; french: string[] } {
  const files = Object.values(bundle);
  const wasm = files.find((file) => file.fileName.endsWith(".wasm"));
  const withImports = (of: string) => {
    const found = files.find((file) => file.type === "chunk" && file.facadeModuleId?.endsWith(of) === true);
    if (found?.type !== "chunk") throw new Error(`there is no chunk for ${of}`);
    const entries = new Set(files.flatMap((file) => (file.type === "chunk" && file.isEntry ? [file.fileName] : [])));
    const styles = [...((found as { viteMetadata?: { importedCss: Set<string> } }).viteMetadata?.importedCss ?? [])];
    return [found.fileName, ...found.imports.filter((name) => !entries.has(name)), ...styles].map((name) => `/${name}`);
  };
  if (wasm === undefined) throw new Error("the build has no wasm module");
  return { wasm: `/${wasm.fileName}`, module: withImports("/views/module.tsx"), french: withImports("/messages/fr.ts") };
}

/** What blocks the first paint is in the document: a request of its own would take as long as all of it. */
function inlineStyles(html: string, bundle: Bundle): string {
  const file = STYLESHEET.exec(html)?.[1];
  const sheet = file === undefined ? undefined : bundle[file];
  if (file === undefined || sheet?.type !== "asset") throw new Error("the document has no style sheet");
  delete bundle[file];
  return html.replace(STYLESHEET, () => `<style>${String(sheet.source).trim()}</style>`);
}

/** The policy with the hash of every inline script and style of the document. */
function withHashes(rules: string, html: string): string {
  const hashes = (name: string) =>
    [...html.matchAll(new RegExp(`<${name}>([^]*?)</${name}>`, "g"))].map(([, content = ""]) => `'sha256-${createHash("sha256").update(content).digest("base64")}'`).join(" ");
  return rules.replace("script-src 'self'", () => `script-src 'self' ${hashes("script")}`).replace("style-src 'self'", () => `style-src 'self' ${hashes("style")}`);
}
