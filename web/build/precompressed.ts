/** A Vite plugin that lays a Brotli form beside every file that gets smaller by it (`name.br`): as small as can be, once, at the build. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import type { Plugin, ResolvedConfig } from "vite";

const COMPRESSIBLE = /\.(html|js|css|wasm|svg|webmanifest)$/;
/** As in the API: less is not worth it. */
const MIN_BYTES = 500;

export function precompressed(): Plugin {
  let config: ResolvedConfig;
  return {
    name: "kairos-precompressed",
    apply: "build",
    configResolved(resolved) {
      config = resolved;
    },
    writeBundle: {
      order: "post",
      sequential: true,
      async handler() {
        const root = resolve(config.root, config.build.outDir);
        const names = await readdir(root, { recursive: true });
        await Promise.all(names.filter((name) => COMPRESSIBLE.test(name)).map((name) => compress(join(root, name))));
      },
    },
  };
}

async function compress(path: string): Promise<void> {
  const content = await readFile(path);
  if (content.length < MIN_BYTES) return;
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  const form = await promisify(brotliCompress)(content, { params });
  if (form.length < content.length) await writeFile(`${path}.br`, form);
}
