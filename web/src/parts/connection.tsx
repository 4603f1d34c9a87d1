/** The status in the masthead: whether Kaïros answers, what waits to be sent, what was rejected. */
import { useEffect, useRef, useState } from "preact/hooks";
import { describeAction, formatAge, formatCount } from "../format.ts";
import { nowMs } from "../clock.ts";
import { kairos, status } from "../kairos.ts";
import { titleOf } from "../library.ts";
import { shell } from "../shell.ts";
import { announce } from "./announcer.tsx";
import { Icon } from "./icon.tsx";

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
      <p class="visually-hidden" role="status">{session === "unknown" ? "" : status.value.reachable ? "Online" : "Offline: you see copies, and what you do is kept"}</p>
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
      <span>{session === "unknown" ? "…" : reachable ? "Online" : "Offline"}</span>
      {pending.length > 0 && <span class="connection-count">· {pending.length}<span> waiting</span></span>}
      {rejected.length > 0 && <span class="connection-count">· {rejected.length}<span> refused</span></span>}
    </span>
  );
}

function Details() {
  const { reachable, persistence, memory } = status.value;
  return (
    <>
      <p>
        {reachable
          ? "Kaïros answers. Copies of what you read stay on this device."
          : "Kaïros cannot be reached. You see copies, and what you do is kept and sent later."}
      </p>
      <Waiting />
      <Rejected />
      <dl class="facts">
        <dt>This app</dt>
        <dd>{shell.value === "ready" ? "ready for use with no network" : shell.value === "unavailable" ? "needs the network to start" : "being saved…"}</dd>
        <dt>Your data</dt>
        <dd>{persistence === "disk" ? "kept on this device" : "kept only as long as this page is open"}</dd>
        <dt>Memory</dt>
        <dd>{formatCount(memory.entries, "answer", "answers")}, {memory.hits} hits, {memory.misses} misses</dd>
      </dl>
    </>
  );
}

function Waiting() {
  const { pending, sending } = status.value;
  if (pending.length === 0) return <p class="quiet"><Icon name="check" /> Nothing waits to be sent.</p>;
  const send = () => kairos().sync().then(
    () => announce("Everything was sent."),
    () => announce(`Not sent: ${status.value.reachable ? "Kaïros does not take it yet" : "Kaïros does not answer"}. Nothing is lost; it is tried again by itself.`),
  );
  return (
    <section aria-labelledby="waiting-title">
      <h2 id="waiting-title">Waiting to be sent</h2>
      <ul class="panel-list">
        {pending.map((operation) => (
          <li key={operation.id}>
            {describeAction(operation.action)} <em>{titleOf(operation.module)}</em>
            <small>
              {formatAge(nowMs.value - operation.at_ms)}
              {operation.attempts > 0 && `, tried ${formatCount(operation.attempts, "time", "times")}`}
            </small>
          </li>
        ))}
      </ul>
      <button type="button" class="button button-small" disabled={sending} onClick={() => void send()}>{sending ? "Sending…" : "Send now"}</button>
    </section>
  );
}

function Rejected() {
  const { rejected } = status.value;
  if (rejected.length === 0) return null;
  return (
    <section aria-labelledby="refused-title">
      <h2 id="refused-title">Refused by Kaïros</h2>
      <ul class="panel-list">
        {rejected.map((operation) => (
          <li key={operation.id}>
            {describeAction(operation.action)} <em>{titleOf(operation.module)}</em>
            <small class="bad">{operation.problem.detail || operation.problem.title}</small>
            <button type="button" class="button button-small" onClick={() => void kairos().dismissRejected([operation.id])}>Dismiss</button>
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
