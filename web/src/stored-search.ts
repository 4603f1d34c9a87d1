/** What can be found and filtered with no network: in the summaries that are here, and in the texts that are. Honest about being that. */
import { useEffect, useState } from "preact/hooks";
import { type Module, type ModuleSummary, paths } from "./api.ts";
import { fetchQuery } from "./kairos.ts";
import { summaries } from "./library.ts";
import { readableOffline } from "./readable-offline.ts";

/** Texts read for one search at most: each is read from the disk. */
const MAX_TEXTS = 300;

export interface Filter {
  q: string;
  subject: string;
  difficulty: string;
}

export function matches(item: ModuleSummary, { subject, difficulty }: Filter): boolean {
  return (subject === "" || item.subject === subject) && (difficulty === "" || item.difficulty === difficulty);
}

/** The modules that are here and fit, in the order of the catalogue. */
export function filterStored(filter: Filter): ModuleSummary[] {
  return [...summaries.value.values()].filter((item) => matches(item, filter));
}

/** The modules whose title, summary or stored text has all words of `query`; nothing while `isWanted` is false. */
export function useStoredSearch(query: string, isWanted: boolean): ModuleSummary[] {
  const [inText, setInText] = useState<ReadonlySet<string>>(new Set());
  const words = wordsOf(query);
  useEffect(() => {
    if (!isWanted) return;
    let isOver = false;
    void findInTexts(words, () => isOver).then((slugs) => isOver || setInText(slugs));
    return () => {
      isOver = true;
    };
  }, [query, isWanted]);
  if (!isWanted) return [];
  return [...summaries.value.values()].filter((item) => has([item.title, item.summary, item.subject, ...item.tags].join(" "), words) || inText.has(item.slug));
}

async function findInTexts(words: string[], isOver: () => boolean): Promise<Set<string>> {
  const found = new Set<string>();
  for (const slug of [...readableOffline.value].slice(0, MAX_TEXTS)) {
    if (isOver()) break;
    const text = await fetchQuery<Module>(paths.module(slug), "stored").then(({ body }) => `${body.title} ${body.content}`, () => "");
    if (has(text, words)) found.add(slug);
  }
  return found;
}

export function wordsOf(query: string): string[] {
  return query.toLowerCase().split(/\s+/).filter((word) => word !== "");
}

function has(text: string, words: string[]): boolean {
  const lower = text.toLowerCase();
  return words.length > 0 && words.every((word) => lower.includes(word));
}
