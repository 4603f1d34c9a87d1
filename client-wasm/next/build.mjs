/**
 * Builds the package in this folder, small, as it is shipped: the boundary as wasm, the driver as one file, and the types beside them.
 * Prints what both weigh. `--driver` leaves the wasm as it is.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = fileURLToPath(new URL("../../", import.meta.url));
const here = fileURLToPath(new URL("./", import.meta.url));
const run = (program, ...parameters) => execFileSync(program, parameters, { cwd: root, stdio: "inherit" });
const npm = (program, ...parameters) => run(`${root}node_modules/.bin/${program}`, ...parameters);

const TARGET = "wasm32-unknown-unknown";
const FEATURES = ["bulk-memory", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"];
/** Inlining makes it larger. */
const NO_INLINING = ["one-caller-inline-max", "flexible-inline-max", "always-inline-max"].flatMap((name) => [`--${name}-function-size`, "0"]);
const STRIPPED = ["--strip-debug", "--strip-producers", "--strip-target-features"];

mkdirSync(`${here}pkg`, { recursive: true });
const wasm = `${here}pkg/kairos_client_bg.wasm`;
if (!process.argv.includes("--driver")) {
  run("cargo", "build", "-p", "kairos-client-boundary", "--lib", "--target", TARGET, "--profile", "wasm", "--target-dir", "target/wasm");
  const built = `target/wasm/${TARGET}/wasm/kairos_client_boundary.wasm`;
  npm("wasm-opt", "-Oz", ...NO_INLINING, ...FEATURES.map((name) => `--enable-${name}`), ...STRIPPED, built, "-o", wasm);
}
npm("tsc", "-p", "client-wasm/driver");
npm("rolldown", "client-wasm/driver/index.ts", "--format", "esm", "--platform", "browser", "--minify", "--file", `${here}index.js`);
for (const name of ["api.d.ts", "contract.js", "contract.d.ts"]) copyFileSync(`${here}../${name}`, `${here}${name}`);

const weigh = (file) => gzipSync(readFileSync(file), { level: 9 }).length;
const [module, driver] = [weigh(wasm), weigh(`${here}index.js`)];
console.log(`gzipped: wasm ${module}, driver ${driver}, together ${module + driver} bytes`);
