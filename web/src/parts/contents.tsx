/** The sections of a text as links, with the one that is being read marked. */
import { useEffect, useState } from "preact/hooks";
import { t } from "../messages/messages.ts";

export interface Section {
  id: string;
  title: string;
  depth: number;
}

/** With fewer there is nothing to find one's way in. */
const LEAST = 3;
/** Below the masthead: the section that reaches over this line is the present one. */
const LINE_PX = 120;

export function sectionsOf(article: HTMLElement): Section[] {
  return [...article.querySelectorAll<HTMLElement>("h2[id], h3[id]")].map((heading) => ({ id: heading.id, title: heading.textContent ?? "", depth: Number(heading.tagName[1]) }));
}

export function Contents({ sections }: { sections: Section[] }) {
  const current = useCurrent(sections);
  if (sections.length < LEAST) return null;
  return (
    <nav class="contents" aria-labelledby="contents-title">
      <h2 id="contents-title">{t().module.contents}</h2>
      <ol class="contents-list">
        {sections.map(({ id, title, depth }) => (
          <li key={id} data-depth={depth}><a href={`#${id}`} dir="auto" aria-current={id === current ? "location" : undefined}>{title}</a></li>
        ))}
      </ol>
    </nav>
  );
}

function useCurrent(sections: Section[]): string | undefined {
  const [current, setCurrent] = useState<string>();
  useEffect(() => {
    const look = () => {
      const above = sections.filter(({ id }) => (document.getElementById(id)?.getBoundingClientRect().top ?? Number.POSITIVE_INFINITY) <= LINE_PX);
      const isAtEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2 && scrollY > 0;
      setCurrent((isAtEnd ? sections : above).at(-1)?.id ?? sections[0]?.id);
    };
    look();
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [sections]);
  return current;
}
