/** An origin of one's own that serves the built app, with the sample catalogue: for what is about the app's files, not about the edge. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Starts it on fresh data. `stop` ends it and takes the data away. */
export async function serveApp(app = join(ROOT, "web/dist"), options = {}) {
  const folder = mkdtempSync(join(tmpdir(), "kairos-app-"));
  const data = ["--data", join(folder, "kairos.db")];
  const environment = { PATH: process.env.PATH, ...options.environment };
  execFileSync(program(), ["import", ...data, "--markdown", options.catalogue ?? join(ROOT, "catalog")], { env: environment, stdio: "ignore" });
  const child = spawn(program(), ["serve", ...data, "--listen", "127.0.0.1:0", "--app", app], { env: environment, stdio: ["ignore", "pipe", "ignore"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const url = await addressIn(child.stdout, ended);
  return { url, stop };
}

async function addressIn(stdout, ended) {
  let said = "";
  const address = new Promise((resolve) => {
    stdout.setEncoding("utf8").on("data", (text) => {
      said += text;
      const url = /http:\/\/[\w.:]+/.exec(said)?.[0];
      if (url !== undefined) resolve(url);
    });
  });
  const url = await Promise.race([address, ended]);
  assert.equal(typeof url, "string", `the origin ended: ${said}`);
  return url;
}

function program() {
  const built = ["release", "debug"].map((profile) => join(ROOT, "target", profile, "kairos-origin"));
  const found = process.env.KAIROS_ORIGIN_BIN ?? built.find((path) => existsSync(path));
  assert.ok(found, "there is no origin to serve the app: build it, or name it in KAIROS_ORIGIN_BIN");
  return found;
}
