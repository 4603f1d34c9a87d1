/** The status in the masthead: whether Kaïros answers, what waits to be sent, what was rejected. */
import { useEffect, useRef, useState } from "preact/hooks";
import { describeAction, formatAge } from "../format.ts";
import { nowMs } from "../clock.ts";
import { kairos, status } from "../kairos.ts";
import { titleOf } from "../library.ts";
import { shell } from "../shell.ts";
import { announce } from "./announcer.tsx";
import { Icon } from "./icon.tsx";
import { t } from "../messages/messages.ts";

export function Connection() {
  const { session } = status.value;
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useDismissal(isOpen, box, (returnFocus) => {
    setOpen(false);
    if (returnFocus) button.current?.focus();
  });
  return (
    <div class="connection" ref={box}>
      <button type="button" ref={button} class="button button-quiet button-small" aria-expanded={isOpen} aria-controls="connection-panel" onClick={() => setOpen(!isOpen)}>
        <Summary />
      </button>
      <p class="visually-hidden" role="status">{session === "unknown" ? "" : status.value.reachable ? t().connection.online : t().connection.offlineLong}</p>
      <div id="connection-panel" class="panel" hidden={!isOpen}>
        {isOpen && <Details />}
      </div>
    </div>
  );
}

function Summary() {
  const { session, reachable, pending, rejected } = status.value;
  const kind = session === "unknown" ? "starting" : rejected.length > 0 ? "refused" : !reachable ? "offline" : pending.length > 0 ? "waiting" : "online";
  return (
    <span class="connection-summary" data-kind={kind}>
      <span class="connection-dot" aria-hidden="true" />
      <span>{session === "unknown" ? "…" : reachable ? t().connection.online : t().connection.offline}</span>
      {pending.length > 0 && <span class="connection-count">· {pending.length}<span> {t().connection.waiting}</span></span>}
      {rejected.length > 0 && <span class="connection-count">· {rejected.length}<span> {t().connection.refused}</span></span>}
    </span>
  );
}

function Details() {
  const { reachable, persistence, memory } = status.value;
  return (
    <>
      <p>
        {reachable
          ? t().connection.answers
          : t().connection.silent}
      </p>
      <Waiting />
      <Rejected />
      <dl class="facts">
        <dt>{t().connection.thisApp}</dt>
        <dd>{shell.value === "ready" ? t().connection.ready : shell.value === "unavailable" ? t().connection.unavailable : t().connection.saving}</dd>
        <dt>{t().connection.yourData}</dt>
        <dd>{persistence === "disk" ? t().connection.onDisk : t().connection.inMemory}</dd>
        <dt>{t().connection.memory}</dt>
        <dd>{t().connection.memoryFacts(memory.entries, memory.hits, memory.misses)}</dd>
      </dl>
    </>
  );
}

function Waiting() {
  const { pending, sending } = status.value;
  if (pending.length === 0) return <p class="quiet"><Icon name="check" /> {t().connection.nothingWaits}</p>;
  const send = () => kairos().sync().then(
    () => announce(t().connection.allSent),
    () => announce(t().connection.notSent(status.value.reachable)),
  );
  return (
    <section aria-labelledby="waiting-title">
      <h2 id="waiting-title">{t().connection.waitingTitle}</h2>
      <ul class="panel-list">
        {pending.map((operation) => (
          <li key={operation.id}>
            {describeAction(operation.action)} <em>{titleOf(operation.module)}</em>
            <small>
              {formatAge(nowMs.value - operation.at_ms)}
              {operation.attempts > 0 && t().connection.tried(operation.attempts)}
            </small>
          </li>
        ))}
      </ul>
      <button type="button" class="button button-small" disabled={sending} onClick={() => void send()}>{sending ? t().connection.sending : t().connection.send}</button>
    </section>
  );
}

function Rejected() {
  const { rejected } = status.value;
  if (rejected.length === 0) return null;
  return (
    <section aria-labelledby="refused-title">
      <h2 id="refused-title">{t().connection.refusedTitle}</h2>
      <ul class="panel-list">
        {rejected.map((operation) => (
          <li key={operation.id}>
            {describeAction(operation.action)} <em>{titleOf(operation.module)}</em>
            <small class="bad">{operation.problem.detail || operation.problem.title}</small>
            <button type="button" class="button button-small" onClick={() => void kairos().dismissRejected([operation.id])}>{t().connection.dismiss}</button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Closes on Escape, and on a press or a move of the focus outside. */
function useDismissal(isOpen: boolean, box: { current: HTMLElement | null }, close: (returnFocus: boolean) => void): void {
  useEffect(() => {
    if (!isOpen) return;
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && close(true);
    const onElsewhere = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) close(false);
    };
    document.addEventListener("keydown", onKey);
    document.addEventListener("pointerdown", onElsewhere);
    document.addEventListener("focusin", onElsewhere);
    return () => {
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("pointerdown", onElsewhere);
      document.removeEventListener("focusin", onElsewhere);
    };
  }, [isOpen]);
}
