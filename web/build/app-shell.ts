/**
 * A Vite plugin that writes `sw.js`: the service worker with the list of this build's files in it.
 * Not here: what the worker does with them (`src/service-worker.ts`).
 */
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { type Plugin, type ResolvedConfig, transformWithOxc } from "vite";

/** Served under another path, or not served at all. */
const LEFT_OUT = new Set(["index.html", "_headers", "sw.js"]);

export function appShell(workerSource: string): Plugin {
  let config: ResolvedConfig;
  return {
    name: "kairos-app-shell",
    apply: "build",
    configResolved(resolved) {
      config = resolved;
    },
    async closeBundle() {
      const root = resolve(config.root, config.build.outDir);
      const shell = await describe(root);
      const source = await readFile(workerSource, "utf8");
      const { code } = await transformWithOxc(source, workerSource, { sourcemap: false });
      await writeFile(join(root, "sw.js"), `const SHELL = ${JSON.stringify(shell)};\n${code}`);
    },
  };
}

/** Every file the app needs to start, and a version that changes when any of them does. */
async function describe(root: string): Promise<{ version: string; files: string[] }> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
  const hash = createHash("sha256");
  for (const path of paths) if (path !== "sw.js") hash.update(path).update(await readFile(join(root, path)));
  const files = paths.filter((path) => !LEFT_OUT.has(path) && !path.endsWith(".map")).map((path) => `/${path}`);
  return { version: hash.digest("hex").slice(0, 16), files: ["/", ...files] };
}
