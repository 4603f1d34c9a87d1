/** How the app is built: plain Vite, and a service worker that knows the result. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { appShell } from "./build/app-shell.ts";

export default defineConfig({
  root: import.meta.dirname,
  plugins: [appShell(fileURLToPath(new URL("src/service-worker.ts", import.meta.url)))],
  build: {
    target: "es2022",
    // The content security policy allows no `data:` scripts or fonts; hashed files are cached for good anyway.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
