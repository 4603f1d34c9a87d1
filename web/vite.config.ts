/** How the app is built: plain Vite, a document that can be read before anything else is there, and a service worker that knows the result. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { appShell } from "./build/app-shell.ts";
import { bootScript } from "./build/boot-script.ts";
import { precompressed } from "./build/precompressed.ts";

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: import.meta.dirname,
  plugins: [bootScript(file("src/boot/boot.ts")), appShell(file("src/service-worker.ts")), precompressed()],
  build: {
    target: "es2022",
    // The content security policy allows no `data:` scripts or fonts; hashed files are cached for good anyway.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
