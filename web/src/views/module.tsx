/** One module: its text, where it stands in its subject, and what the learner does with it. */
import "../styles/module.css";
import "../styles/prose.css";
import "../styles/code.css";
import "../styles/tutor.css";
import { useRoute } from "preact-iso";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Module, paths, views } from "../api.ts";
import { dressCode } from "../code-blocks.ts";
import { directionOf } from "../direction.ts";
import { difficultyName } from "../format.ts";
import { isSignedIn, type ReceivedResult, record, status, userId } from "../kairos.ts";
import { neighbours, records, recordsFetched, summaries } from "../library.ts";
import { renderMarkdown } from "../markdown.ts";
import { Contents, type Section, sectionsOf } from "../parts/contents.tsx";
import { Icon } from "../parts/icon.tsx";
import { ModuleActions } from "../parts/module-actions.tsx";
import { Failure, Loading } from "../parts/notices.tsx";
import { Tutor } from "../parts/tutor.tsx";
import { View } from "../parts/view.tsx";
import { prefetchModule } from "../readable-offline.ts";
import { useStudyTime } from "../study-time.ts";
import { useQuery } from "../use-query.ts";
import { t } from "../messages/messages.ts";

export default function ModulePage() {
  const slug = useRoute().params["slug"] ?? "";
  return <ModuleView key={slug} slug={slug} />;
}

function ModuleView({ slug }: { slug: string }) {
  const { result, error, refetch } = useQuery<Module>(paths.module(slug));
  if (result === undefined) {
    return (
      <View title={summaries.value.get(slug)?.title ?? (error === undefined ? t().loading : t().module.title)}>
        {error === undefined ? <Loading what={t().what.module} lines={14} /> : <Failure error={error} what={t().what.thisModule} onRetry={refetch} />}
      </View>
    );
  }
  return <Reading module={result.body} result={result} />;
}

function Reading({ module, result }: { module: Module; result: ReceivedResult<Module> }) {
  const { slug } = module;
  const [sections, setSections] = useState<Section[]>([]);
  return (
    <View title={module.title} class="reading" eyebrow={<a href={subjectAddress(module)}>{module.subject}</a>} lead={<Details module={module} />} result={result}>
      <Content module={module} onSections={setSections} />
      <Contents sections={sections} />
      {isSignedIn.value ? <Learning slug={slug} /> : status.value.session !== "unknown" && <SignInHint />}
      {isSignedIn.value && <Tutor slug={slug} />}
      <Neighbours slug={slug} />
    </View>
  );
}

function Details({ module }: { module: Module }) {
  return (
    <>
      {module.summary !== "" && <p lang={module.language} dir="auto">{module.summary}</p>}
      <p class="module-facts">
        <span>{difficultyName(module.difficulty)}</span>
        {module.duration_minutes > 0 && <span>{t().minutes(module.duration_minutes)}</span>}
        {module.status === "draft" && <span class="badge">{t().module.draft}</span>}
        {module.tags.map((tag) => <span key={tag} class="tag">{tag}</span>)}
      </p>
    </>
  );
}

function Content({ module, onSections }: { module: Module; onSections: (sections: Section[]) => void }) {
  const html = useMemo(() => renderMarkdown(module.content, module.title), [module.content, module.title]);
  const article = useRef<HTMLElement>(null);
  // Before it is painted: the list of sections stands above the text, where there is no room beside it.
  useLayoutEffect(() => {
    if (article.current !== null) {
      dressCode(article.current);
      letKeysScroll(article.current);
      onSections(sectionsOf(article.current));
    }
    document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [html]);
  return <article ref={article} class="prose" lang={module.language} dir={directionOf(module.language)} dangerouslySetInnerHTML={{ __html: html as string }} />;
}

/** What a signed-in learner's reading sets in motion. */
function Learning({ slug }: { slug: string }) {
  useStudyTime(slug);
  const isNew = recordsFetched.value && !records.value.has(slug);
  useEffect(() => {
    if (isNew) recordOpening(slug);
  }, [isNew, slug]);
  return <ModuleActions slug={slug} progress={records.value.get(slug)} />;
}

/** By learner and module: where no record can be looked up, each visit would count as the first. */
const openings = new Set<string>();

function recordOpening(slug: string): void {
  const opening = `${userId.value}/${slug}`;
  if (openings.has(opening)) return;
  openings.add(opening);
  // That it cannot be stored shows in the status of the app; reading goes on.
  record(slug, { kind: "open" }).catch(() => openings.delete(opening));
}

function SignInHint() {
  return (
    <aside class="hint-box">
      <p><a href={views.signIn}>{t().signIn}</a>{t().module.signInHint}</p>
    </aside>
  );
}

function Neighbours({ slug }: { slug: string }) {
  const { previous, next } = neighbours(slug);
  useEffect(() => {
    if (next !== undefined) prefetchModule(next.slug);
  }, [next?.slug]);
  if (previous === undefined && next === undefined) return null;
  return (
    <nav class="neighbours" aria-label={t().module.inSubject}>
      {previous !== undefined && (
        <a rel="prev" href={views.module(previous.slug)}><Icon name="previous" /><span><small>{t().module.back}</small>{previous.title}</span></a>
      )}
      {next !== undefined && (
        <a rel="next" class="neighbours-next" href={views.module(next.slug)}><span><small>{t().module.next}</small>{next.title}</span><Icon name="next" /></a>
      )}
    </nav>
  );
}

/** What is too wide for the page scrolls by itself, and has to be reachable by keyboard for that. */
function letKeysScroll(article: HTMLElement): void {
  for (const wide of article.querySelectorAll<HTMLElement>("pre, table") ?? []) {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
  }
}

function subjectAddress(module: Module): string {
  return `${views.catalogue}?${new URLSearchParams({ subject: module.subject })}`;
}
