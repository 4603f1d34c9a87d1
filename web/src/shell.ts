/** The service worker as the page sees it: whether the app can start with no network, and whether a newer one is there. */
import { signal } from "@preact/signals";

const WORKER = "/sw.js";

/** `saving`: not all files are stored yet. `unavailable`: this browser stores none. */
export const shell = signal<"saving" | "ready" | "unavailable">("saving");
/** Set when a newer version waits: calling it reloads into that version. */
export const update = signal<(() => void) | undefined>(undefined);

/** Registers the worker, which stores the app's files. Call once; never rejects. */
export async function storeShell(): Promise<void> {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) {
    shell.value = "unavailable";
    return;
  }
  try {
    const hadController = navigator.serviceWorker.controller !== null;
    const registration = await navigator.serviceWorker.register(workerUrl() as string, { updateViaCache: "none" });
    watchForUpdate(registration, hadController);
    await navigator.serviceWorker.ready;
    shell.value = "ready";
  } catch {
    shell.value = "unavailable";
  }
}

function watchForUpdate(registration: ServiceWorkerRegistration, hadController: boolean): void {
  const offer = () => {
    const { waiting } = registration;
    if (waiting === null || !hadController) return;
    update.value = () => {
      navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
      waiting.postMessage("take-over");
    };
  };
  offer();
  registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", offer));
}

/** The content security policy accepts a script's address only from a policy; this one knows a single address. */
function workerUrl(): TrustedScriptURL | string {
  const { trustedTypes } = window;
  return trustedTypes?.createPolicy("kairos", { createScriptURL: (_url: string) => WORKER }).createScriptURL(WORKER) ?? WORKER;
}
