/**
 * The service worker: stores the app's own files, so that the app starts with no network.
 *
 * It never touches the API. What a learner reads and records is stored by `@kairos/client`, per user; a second cache here would
 * outlive a sign-out. `SHELL` is written by `build/app-shell.ts`: every file of this build, and a version made from them.
 */

declare const SHELL: { version: string; files: string[] };

const worker = self as unknown as ServiceWorkerGlobalScope;
const CACHE_PREFIX = "kairos-shell-";
const CACHE_NAME = CACHE_PREFIX + SHELL.version;
/** The document behind every view. */
const DOCUMENT = "/";
/** Answered by the origin, never by this worker. */
const NOT_OURS = /^\/(v1|health|metrics|openapi\.json|\.well-known)(\/|$)/;

worker.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(CACHE_NAME).then((cache) =>
      // `no-cache`: a document from the browser's own HTTP cache might belong to another build than the scripts.
      cache.addAll(SHELL.files.map((file) => new Request(file, { cache: "no-cache" }))),
    ),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(deleteOtherVersions().then(() => worker.clients.claim()));
});

worker.addEventListener("message", (event) => {
  if (event.data === "take-over") void worker.skipWaiting();
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== worker.location.origin || NOT_OURS.test(url.pathname)) return;
  if (request.mode === "navigate") event.respondWith(fromShell(DOCUMENT, request));
  else if (SHELL.files.includes(url.pathname)) event.respondWith(fromShell(url.pathname, request));
});

async function fromShell(file: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE_NAME);
  return (await cache.match(file, { ignoreVary: true })) ?? fetch(request);
}

async function deleteOtherVersions(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(CACHE_PREFIX) && name !== CACHE_NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
}
