/**
 * A Vite plugin that writes `sw.js`: the service worker with the list of this build's files in it.
 * Not here: what the worker does with them (`src/service-worker.ts`).
 */
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type Plugin, transformWithOxc } from "vite";
import { afterBuild } from "./after-build.ts";

/** Served under another path, or not served at all. */
const LEFT_OUT = new Set(["index.html", "_headers", "sw.js"]);

/** What the app cannot start, or show a module, without; everything else is stored in a second step. */
const STARTS_WITH = /^\/assets\/(index|module|use-query|fr)-[^/]+\.(js|css)$|\.wasm$|\.webmanifest$/;

export const appShell = (workerSource: string): Plugin =>
  afterBuild("app-shell", async (folder) => {
    const shell = await describe(folder);
    const source = await readFile(workerSource, "utf8");
    const { code } = await transformWithOxc(source, workerSource, { sourcemap: false });
    await writeFile(join(folder, "sw.js"), `const SHELL = ${JSON.stringify(shell)};\n${code}`);
  });

/** Every file of the app in two parts, as they are stored, and a version that changes when any of them does. */
async function describe(root: string): Promise<{ version: string; first: string[]; rest: string[] }> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
  const hash = createHash("sha256");
  for (const path of paths) if (path !== "sw.js") hash.update(path).update(await readFile(join(root, path)));
  const files = paths.filter((path) => !LEFT_OUT.has(path) && !path.endsWith(".map")).map((path) => `/${path}`);
  const isFirst = (path: string) => STARTS_WITH.test(path);
  return { version: hash.digest("hex").slice(0, 16), first: ["/", ...files.filter(isFirst)], rest: files.filter((path) => !isFirst(path)) };
}
