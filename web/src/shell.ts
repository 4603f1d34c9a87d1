/** The service worker as the page sees it: whether the app can start with no network, and whether a newer one is there. */
import { signal } from "@preact/signals";
import { untilWorthATry } from "./retry.ts";

const WORKER = "/sw.js";
/** An install that broke off is tried again after so long, or when the network is back. */
const RETRY_MS = 20_000;
/** A page that stays open asks so often whether there is a newer app. */
const UPDATE_MS = 3_600_000;

/** `saving`: not all files are stored yet. `unavailable`: this browser stores none. */
export const shell = signal<"saving" | "ready" | "unavailable">("saving");
/** Set when a newer version waits, or took over: calling it reloads into that version. */
export const update = signal<(() => void) | undefined>(undefined);

/** Registers the worker, which stores the app's files, until it has all of them. Call once; never rejects. */
export async function storeShell(): Promise<void> {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) {
    shell.value = "unavailable";
    return;
  }
  noticeOtherTabs();
  for (;;) {
    try {
      const registration = await navigator.serviceWorker.register(workerUrl as string, { updateViaCache: "none" });
      watchForUpdate(registration);
      await installed(registration);
      await storeRest(registration);
      shell.value = "ready";
      return;
    } catch (error) {
      // Where it is refused for good, asking again does not help.
      if (error instanceof DOMException && error.name === "SecurityError") {
        shell.value = "unavailable";
        return;
      }
      await untilWorthATry(RETRY_MS);
    }
  }
}

/** Resolves when a worker is there; rejects when the one that was being installed broke off. */
function installed(registration: ServiceWorkerRegistration): Promise<void> {
  const { active, waiting, installing } = registration;
  if (active !== null) return Promise.resolve();
  const worker = installing ?? waiting;
  if (worker === null) return Promise.reject(new Error("the installation broke off"));
  return new Promise((resolve, reject) => {
    worker.addEventListener("statechange", () => {
      if (worker.state === "activated") resolve();
      else if (worker.state === "redundant") reject(new Error("the installation broke off"));
    });
  });
}

/** The second step: what the app can start without. */
function storeRest({ active }: ServiceWorkerRegistration): Promise<void> {
  return new Promise((resolve, reject) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => (data === "stored" ? resolve() : reject(new Error("not everything could be stored")));
    active?.postMessage("store-rest", [port2]);
  });
}

/** Offers what waits beside a worker that is there already; on the first visit there is none for a moment, and that is no update. */
function watchForUpdate(registration: ServiceWorkerRegistration): void {
  if (watched === registration) return;
  watched = registration;
  const offer = () => {
    const { waiting, active } = registration;
    if (waiting === null || active === null) return;
    update.value = () => {
      reloadOnTakeOver = true;
      waiting.postMessage("take-over");
    };
  };
  offer();
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", offer);
  });
  let askedAtMs = Date.now();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden" || Date.now() - askedAtMs < UPDATE_MS) return;
    askedAtMs = Date.now();
    registration.update().catch(() => undefined);
  });
}

let watched: ServiceWorkerRegistration | undefined;
let reloadOnTakeOver = false;

/** Another tab may let the newer version take over: this one goes on, and is offered a reload before a part of it is missing. */
function noticeOtherTabs(): void {
  let hadController = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (reloadOnTakeOver) location.reload();
    else if (hadController) update.value = () => location.reload();
    hadController = true;
  });
}

/** The content security policy accepts a script's address only from a policy; this one knows a single address. */
const workerUrl: TrustedScriptURL | string =
  window.trustedTypes?.createPolicy("kairos", { createScriptURL: (_url: string) => WORKER }).createScriptURL(WORKER) ?? WORKER;
