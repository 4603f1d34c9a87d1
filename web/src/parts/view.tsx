/** The frame of every view: its heading, which takes the focus after a navigation, and where its content came from. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { ReceivedResult } from "../kairos.ts";
import { Provenance } from "./provenance.tsx";

interface ViewProps {
  title: string;
  /** Above the title. */
  eyebrow?: ComponentChildren;
  /** Below the title. */
  lead?: ComponentChildren;
  /** What the view shows; left out by views that query nothing. */
  result?: ReceivedResult<unknown> | undefined;
  class?: string;
  children: ComponentChildren;
}

/** The first view of a visit leaves the focus where the browser put it. */
let isFirst = true;

export function View(props: ViewProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!isFirst) heading.current?.focus({ preventScroll: true });
    isFirst = false;
  }, []);
  useEffect(() => {
    document.title = `${props.title} · Kaïros`;
  }, [props.title]);
  return (
    <div class={`view ${props.class ?? ""}`}>
      <header class="view-head">
        {props.eyebrow !== undefined && <p class="eyebrow">{props.eyebrow}</p>}
        <h1 ref={heading} tabIndex={-1} dir="auto">{props.title}</h1>
        {props.lead !== undefined && <div class="lead">{props.lead}</div>}
        {"result" in props && <Provenance result={props.result} />}
      </header>
      {props.children}
    </div>
  );
}
