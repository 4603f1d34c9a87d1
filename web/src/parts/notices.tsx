/** What a view shows instead of its content: it is loading, empty, or failed; each says what can be done. */
import type { ComponentChildren } from "preact";
import type { KairosError } from "@kairos/client";
import { views } from "../api.ts";
import { t } from "../messages/messages.ts";

export function Loading({ what, lines = 6 }: { what: string; lines?: number }) {
  return (
    <div class="skeleton" role="status">
      <p class="visually-hidden">{t().notices.loading(what)}</p>
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
          ? <a class="button button-primary" href={views.signIn}>{t().signIn}</a>
          : <button type="button" class="button" onClick={onRetry}>{t().tryAgain}</button>}
        {(error.code === "not-found" || error.code === "invalid-path") && <a class="button" href={views.catalogue}>{t().toCatalogue}</a>}
      </div>
    </section>
  );
}

function explain(error: KairosError, what: string): { title: string; advice: string } {
  switch (error.code) {
    case "offline":
      return {
        title: t().notices.offline,
        advice: t().notices.offlineAdvice(what),
      };
    case "not-found":
    case "invalid-path":
      return { title: t().notices.nothing, advice: t().notices.nothingAdvice(what) };
    case "unauthenticated":
      return { title: t().notices.signInTitle, advice: t().notices.signInAdvice(what) };
    case "too-many-requests":
      return { title: t().notices.tooFast, advice: t().notices.tooFastAdvice };
    default:
      return {
        title: t().notices.failed,
        advice: t().notices.failedAdvice(error.problem?.detail || error.message),
      };
  }
}
