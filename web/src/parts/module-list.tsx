/** Modules as a table of contents: grouped by subject, or in the order given. */
import { useEffect } from "preact/hooks";
import { type ModuleSummary, views } from "../api.ts";
import { DIFFICULTY_NAMES, STATUS_NAMES } from "../format.ts";
import { records } from "../library.ts";
import { lookForStored, readableOffline } from "../readable-offline.ts";
import { Icon } from "./icon.tsx";
import { KeepCourse } from "./keep-course.tsx";

export function ModuleList({ items, isGrouped }: { items: ModuleSummary[]; isGrouped: boolean }) {
  useEffect(() => {
    void lookForStored(items.map((item) => item.slug));
  }, [items]);
  if (!isGrouped) return <ol class="modules">{items.map((item) => <Row key={item.slug} item={item} withSubject />)}</ol>;
  return (
    <>
      {groupBySubject(items).map(([subject, group]) => (
        <section key={subject} class="subject">
          <header class="subject-head"><h2 dir="auto">{subject}</h2><KeepCourse subject={subject} items={group} /></header>
          <ol class="modules">{group.map((item) => <Row key={item.slug} item={item} />)}</ol>
        </section>
      ))}
    </>
  );
}

function Row({ item, withSubject = false }: { item: ModuleSummary; withSubject?: boolean }) {
  const Heading = withSubject ? "h2" : "h3";
  const status = records.value.get(item.slug)?.status;
  return (
    <li class="module-row">
      <span class="module-number" aria-hidden="true">{item.position + 1}</span>
      <div>
        <Heading class="module-title"><a href={views.module(item.slug)} lang={item.language} dir="auto">{item.title}</a></Heading>
        {item.summary !== "" && <p class="module-summary" lang={item.language} dir="auto">{item.summary}</p>}
        <p class="module-facts">
          {withSubject && <span>{item.subject}</span>}
          <span>{DIFFICULTY_NAMES[item.difficulty]}</span>
          {item.duration_minutes > 0 && <span>{item.duration_minutes} min</span>}
          {readableOffline.value.has(item.slug) && <span class="kept"><Icon name="saved" /> Readable offline</span>}
        </p>
      </div>
      {status !== undefined && status !== "not_started" && (
        <span class={`badge badge-${status}`}>{status === "completed" && <Icon name="check" />}{STATUS_NAMES[status]}</span>
      )}
    </li>
  );
}

/** Subjects in the order of their first module. */
function groupBySubject(items: ModuleSummary[]): [string, ModuleSummary[]][] {
  const groups = new Map<string, ModuleSummary[]>();
  for (const item of items) {
    const group = groups.get(item.subject);
    if (group === undefined) groups.set(item.subject, [item]);
    else group.push(item);
  }
  return [...groups];
}
