/** A Vite plugin that does something with the folder of a build once all is in it. */
import { resolve } from "node:path";
import type { Plugin, ResolvedConfig } from "vite";

/** Those that were named first have run before. */
export function afterBuild(name: string, work: (folder: string) => Promise<void>): Plugin {
  let config: ResolvedConfig;
  return {
    name: `kairos-${name}`,
    apply: "build",
    configResolved(resolved) {
      config = resolved;
    },
    writeBundle: {
      order: "post",
      sequential: true,
      handler: () => work(resolve(config.root, config.build.outDir)),
    },
  };
}
