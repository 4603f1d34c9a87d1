/** Modules as a table of contents: grouped by subject, or in the order given. */
import { useEffect } from "preact/hooks";
import { type ModuleSummary, views } from "../api.ts";
import { difficultyName, statusName } from "../format.ts";
import { isSignedIn } from "../kairos.ts";
import { records, recordsFetched } from "../library.ts";
import { lookForStored, readableOffline } from "../readable-offline.ts";
import { Icon } from "./icon.tsx";
import { KeepCourse } from "./keep-course.tsx";
import { MarkedText } from "./marked-text.tsx";
import { t } from "../messages/messages.ts";

export function ModuleList({ items, isGrouped, query = "" }: { items: ModuleSummary[]; isGrouped: boolean; query?: string }) {
  useEffect(() => {
    void lookForStored(items.map((item) => item.slug));
  }, [items]);
  if (!isGrouped) return <ol class="modules">{items.map((item) => <Row key={item.slug} item={item} query={query} withSubject />)}</ol>;
  return (
    <>
      {groupBySubject(items).map(([subject, group]) => (
        <section key={subject} class="subject">
          <header class="subject-head"><h2 dir="auto">{subject}</h2><Finished items={group} /><KeepCourse subject={subject} items={group} /></header>
          <ol class="modules">{group.map((item) => <Row key={item.slug} item={item} />)}</ol>
        </section>
      ))}
    </>
  );
}

function Row({ item, query = "", withSubject = false }: { item: ModuleSummary; query?: string; withSubject?: boolean }) {
  const Heading = withSubject ? "h2" : "h3";
  const status = records.value.get(item.slug)?.status;
  return (
    <li class="module-row">
      <span class="module-number" aria-hidden="true">{item.position + 1}</span>
      <div>
        <Heading class="module-title"><a href={views.module(item.slug)} lang={item.language} dir="auto"><MarkedText text={item.title} query={query} /></a></Heading>
        {item.summary !== "" && <p class="module-summary" lang={item.language} dir="auto"><MarkedText text={item.summary} query={query} /></p>}
        <p class="module-facts">
          {withSubject && <span>{item.subject}</span>}
          <span>{difficultyName(item.difficulty)}</span>
          {item.duration_minutes > 0 && <span>{t().minutes(item.duration_minutes)}</span>}
          {readableOffline.value.has(item.slug) && <span class="kept"><Icon name="saved" /> {t().list.readable}</span>}
        </p>
      </div>
      {status !== undefined && status !== "not_started" && (
        <span class={`badge badge-${status}`}>{status === "completed" && <Icon name="check" />}{statusName(status)}</span>
      )}
    </li>
  );
}

/** How far a learner is in a course. */
function Finished({ items }: { items: ModuleSummary[] }) {
  if (!isSignedIn.value || !recordsFetched.value) return null;
  const finished = items.filter((item) => records.value.get(item.slug)?.status === "completed").length;
  return <p class="finished">{t().list.finished(finished, items.length)}</p>;
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
