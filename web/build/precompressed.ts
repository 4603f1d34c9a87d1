/** A Vite plugin that lays a Brotli form beside every file that gets smaller by it (`name.br`): as small as can be, once, at the build. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import type { Plugin } from "vite";
import { afterBuild } from "./after-build.ts";

const COMPRESSIBLE = /\.(html|js|css|wasm|svg|webmanifest)$/;
/** As in the API: less is not worth it. */
const MIN_BYTES = 500;

export const precompressed = (): Plugin =>
  afterBuild("precompressed", async (folder) => {
    const names = await readdir(folder, { recursive: true });
    await Promise.all(names.filter((name) => COMPRESSIBLE.test(name)).map((name) => compress(join(folder, name))));
  });

async function compress(path: string): Promise<void> {
  const content = await readFile(path);
  if (content.length < MIN_BYTES) return;
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  const form = await promisify(brotliCompress)(content, { params });
  if (form.length < content.length) await writeFile(`${path}.br`, form);
}
