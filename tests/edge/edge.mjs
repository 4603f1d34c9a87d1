/** The built worker in real workerd, by `wrangler dev`, in front of an origin of the test. Everything it starts it stops. */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(fileURLToPath(import.meta.url), "../../..");
const START_MS = 60_000;

// A test that takes too long is ended by a signal, and a signal alone runs no "exit" listener: nothing may outlive it. The same
// where nobody reads what it writes any more: Node's test runner would take that for a failed test, and go on.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(1));
process.stdout.on("error", () => process.exit(1));

// Ends its whole group when its standard input ends, which it does with this process however that dies, and when the program ends.
const KEEPER = '{ "$@" < /dev/null; kill -KILL 0; } & cat > /dev/null; kill -KILL 0';

/** A port that nobody listens on. */
export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** The project's own `wrangler.toml`, with the page replaced by one of the test. */
async function writeConfig(folder, pages) {
  const assets = join(folder, "assets");
  await mkdir(assets);
  for (const [name, text] of Object.entries(pages)) await writeFile(join(assets, name), text);
  const config = await readFile(join(ROOT, "wrangler.toml"), "utf8");
  const replaced = config
    .replace('"edge/build/index.js"', JSON.stringify(join(ROOT, "edge/build/index.js")))
    .replace('"web/dist"', JSON.stringify(assets));
  const path = join(folder, "wrangler.toml");
  await writeFile(path, replaced);
  return path;
}

/** Starts the edge in front of `originUrl`; `pages` are the app's files. */
export async function startEdge(originUrl, pages = { "index.html": "<!doctype html><title>page</title>" }) {
  const folder = await mkdtemp(join(tmpdir(), "kairos-edge-"));
  const config = await writeConfig(folder, pages);
  const port = await freePort();
  const wrangler = spawn(
    "sh",
    [
      ...["-c", KEEPER, "keeper", process.execPath, join(ROOT, "node_modules/wrangler/bin/wrangler.js")],
      ...["dev", "--local", "--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0"],
      ...["--config", config, "--var", `ORIGIN_URL:${originUrl}`, "--persist-to", join(folder, "state")],
      "--show-interactive-dev-session=false",
    ],
    // A group of its own: workerd, which wrangler starts, ends with it.
    { cwd: folder, detached: true, env: { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "1" } },
  );
  const edge = { port, url: `http://127.0.0.1:${port}`, log: "" };
  const exited = new Promise((done) => wrangler.once("exit", done));
  const end = () => {
    try {
      process.kill(-wrangler.pid, "SIGKILL");
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once("exit", end);
  edge.stop = async () => {
    process.removeListener("exit", end);
    end();
    await exited;
  };
  await ready(wrangler, edge).catch(async (error) => {
    await edge.stop();
    throw error;
  });
  return edge;
}

/** Waits until wrangler says that it listens. */
function ready(wrangler, edge) {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error(`wrangler was not ready in time:\n${edge.log}`)), START_MS);
    const read = (chunk) => {
      edge.log += chunk;
      if (!edge.log.includes("Ready on")) return;
      clearTimeout(timer);
      done();
    };
    wrangler.stdout.on("data", read);
    wrangler.stderr.on("data", read);
    wrangler.once("exit", (code) => fail(new Error(`wrangler ended with ${code}:\n${edge.log}`)));
  });
}

/** One request, with exactly these header fields and the body's bytes as they came: `fetch` would decode them. */
export function ask(edge, path, { method = "GET", headers = {}, body } = {}) {
  return new Promise((done, fail) => {
    const request = httpRequest(`${edge.url}${path}`, { method, headers, agent: false }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", fail);
      response.on("end", () => {
        const bytes = Buffer.concat(chunks);
        done({ status: response.statusCode, headers: response.headers, bytes, text: bytes.toString() });
      });
    });
    request.on("error", fail);
    request.end(body);
  });
}

/** The member that the edge wrote into `Cache-Status`. */
export const edgeStatus = (response) =>
  (response.headers["cache-status"] ?? "").split(", ").find((member) => member.startsWith("kairos-edge"));

/** Whether the edge served a stored response, with nothing more to say of it. */
export const isHit = (response) => /^kairos-edge; hit; ttl=\d+$/.test(edgeStatus(response));
