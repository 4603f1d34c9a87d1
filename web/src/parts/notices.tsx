/** What a view shows instead of its content: it is loading, empty, or failed; each says what can be done. */
import type { ComponentChildren } from "preact";
import type { KairosError } from "@kairos/client";
import { views } from "../api.ts";

export function Loading({ what, lines = 6 }: { what: string; lines?: number }) {
  return (
    <div class="skeleton" role="status">
      <p class="visually-hidden">Loading {what}…</p>
      {Array.from({ length: lines }, (_, line) => <span key={line} aria-hidden="true" />)}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="notice">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

export function Failure({ error, what, onRetry }: { error: KairosError; what: string; onRetry: () => void }) {
  const { title, advice } = explain(error, what);
  return (
    <section class="notice" role="alert">
      <h2>{title}</h2>
      <p>{advice}</p>
      <div class="actions">
        {error.code === "unauthenticated"
          ? <a class="button button-primary" href={views.signIn}>Sign in</a>
          : <button type="button" class="button" onClick={onRetry}>Try again</button>}
        {(error.code === "not-found" || error.code === "invalid-path") && <a class="button" href={views.catalogue}>Go to the catalogue</a>}
      </div>
    </section>
  );
}

function explain(error: KairosError, what: string): { title: string; advice: string } {
  switch (error.code) {
    case "offline":
      return {
        title: "No network, and no copy here yet",
        advice: `There is no copy of ${what} on this device. Once you are online it loads, and stays for the next time you are not.`,
      };
    case "not-found":
    case "invalid-path":
      return { title: "There is nothing here", advice: `The address may be mistyped, or ${what} was taken out of the catalogue.` };
    case "unauthenticated":
      return { title: "Sign in to see this", advice: `You need to be signed in to see ${what}.` };
    case "too-many-requests":
      return { title: "A little too fast", advice: "The server asks for a pause. Try again in a minute." };
    default:
      return {
        title: "This could not be loaded",
        advice: `${error.problem?.detail || error.message || "Something went wrong on the way."} Try again in a moment.`,
      };
  }
}
