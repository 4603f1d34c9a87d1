/** A scripted origin: answers each request as the test says, and records what it was asked. It caches nothing. */
import { createServer } from "node:http";
import { createHash } from "node:crypto";

/** Starts one on a free port. `script(request, response, body)` may be replaced at any time. */
export async function startOrigin() {
  const origin = { asked: [], script: (_request, response) => response.writeHead(404).end() };
  const sockets = new Set();
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      origin.asked.push({ method: request.method, url: request.url, headers: request.headers, body });
      origin.script(request, response, body);
    });
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  const listen = (port) =>
    new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  await listen(0);
  const { port } = server.address();
  origin.url = `http://127.0.0.1:${port}`;
  /** Starts again after `stop`, where it was. */
  origin.start = () => listen(port);
  /** Stops at once: open connections break, new ones are refused. */
  origin.stop = () =>
    new Promise((resolve) => {
      server.close(resolve);
      for (const socket of sockets) socket.destroy();
    });
  return origin;
}

/** The strong entity tag of some bytes. */
export const tagOf = (bytes) => `"${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}"`;

/** What a catalogue page looks like: fields that let the edge store it. `fields` replaces some; null takes one out. */
export function catalogFields(generation, fields = {}) {
  const all = {
    "content-type": "application/json",
    "cache-control": "public, no-cache",
    "cdn-cache-control": "max-age=60, stale-if-error=86400",
    "kairos-policy": "catalog-list",
    "kairos-gen": `catalog=${generation}`,
    "cache-status": "kairos-origin; hit; ttl=500; detail=memory",
    vary: "Accept-Encoding",
    ...fields,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
}

/** A script that answers with `body` as a catalogue page of `generation`, and with 304 where the tag is known. */
export function catalogScript(body, generation, fields = {}) {
  const bytes = Buffer.from(body);
  return (request, response) => {
    const all = { ...catalogFields(generation, fields), etag: fields.etag ?? tagOf(bytes) };
    if (request.headers["if-none-match"] === all.etag) {
      response.writeHead(304, all).end();
      return;
    }
    response.writeHead(200, { ...all, "content-length": bytes.length });
    response.end(request.method === "HEAD" ? undefined : bytes);
  };
}
