/**
 * The service worker: stores the app's own files, so that the app starts with no network. First those that it starts with; the rest
 * when the page asks for them, which it does when nobody waits for anything else. What is stored stays when either breaks off.
 *
 * It never touches the API. What a learner reads and records is stored by `@kairos/client`, per user; a second cache here would
 * outlive a sign-out. `SHELL` is written by `build/app-shell.ts`: every file of this build, and a version made from them.
 */

declare const SHELL: { version: string; first: string[]; rest: string[] };

const worker = self as unknown as ServiceWorkerGlobalScope;
const CACHE_PREFIX = "kairos-shell-";
const CACHE_NAME = CACHE_PREFIX + SHELL.version;
/** The document behind every view. */
const DOCUMENT = "/";
/** Named after what is in them: whatever has such a name is right, wherever it comes from. */
const HASHED = /^\/assets\//;
/** Answered by the origin, never by this worker. */
const NOT_OURS = /^\/(v1|health|metrics|openapi\.json|\.well-known)(\/|$)/;
const FILES = new Set([...SHELL.first, ...SHELL.rest]);

worker.addEventListener("install", (event) => {
  event.waitUntil(storeAll(SHELL.first));
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(deleteOtherVersions().then(() => worker.clients.claim()));
});

worker.addEventListener("message", (event) => {
  if (event.data === "take-over") void worker.skipWaiting();
  if (event.data === "store-rest") event.waitUntil(storeAll(SHELL.rest).then(() => tell(event, "stored"), () => tell(event, "failed")));
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== worker.location.origin || NOT_OURS.test(url.pathname)) return;
  if (request.mode === "navigate") event.respondWith(fromShell(DOCUMENT, request));
  else if (FILES.has(url.pathname)) event.respondWith(fromShell(url.pathname, request));
});

/** One after the other, each as soon as it is there, so that the next try goes on where this one broke off. */
async function storeAll(files: string[]): Promise<void> {
  const cache = await caches.open(CACHE_NAME);
  const stored = new Set((await cache.keys()).map((request) => new URL(request.url).pathname));
  for (const file of files) {
    if (stored.has(file)) continue;
    // `no-cache`: a document from the browser's own HTTP cache might belong to another build than the scripts.
    await cache.add(new Request(file, HASHED.test(file) ? {} : { cache: "no-cache" }));
  }
}

async function fromShell(file: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE_NAME);
  return (await cache.match(file, { ignoreVary: true })) ?? fetch(request);
}

function tell(event: ExtendableMessageEvent, outcome: "stored" | "failed"): void {
  event.ports[0]?.postMessage(outcome);
}

async function deleteOtherVersions(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(CACHE_PREFIX) && name !== CACHE_NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
}
