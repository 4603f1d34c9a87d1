/** The catalogue: every published module in the order of its subject, filtered or searched. The filter is in the address. */
import { MAX_SEARCH_CHARS } from "@kairos/client/contract";
import { useLocation } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";
import { type ModuleSummary, paths, views } from "../api.ts";
import { useDebounced } from "../debounced.ts";
import { isCatalogueHere, subjects, summaries } from "../library.ts";
import { usePagedList } from "../paged-list.ts";
import { Continue } from "../parts/continue.tsx";
import { Icon } from "../parts/icon.tsx";
import { ModuleList } from "../parts/module-list.tsx";
import { More } from "../parts/more.tsx";
import { Empty, Failure, Loading } from "../parts/notices.tsx";
import { View } from "../parts/view.tsx";
import { type Filter, filterStored, matches, useStoredSearch } from "../stored-search.ts";
import { t } from "../messages/messages.ts";

const TYPING_PAUSE_MS = 200;

export function Catalogue() {
  const { query, route } = useLocation();
  const filter: Filter = { q: query["q"] ?? "", subject: query["subject"] ?? "", difficulty: query["difficulty"] ?? "" };
  const change = (part: Partial<Filter>) => route(address({ ...filter, ...part }), true);
  return <Results filter={filter} onChange={change} />;
}

function Results({ filter, onChange }: { filter: Filter; onChange: (part: Partial<Filter>) => void }) {
  const isSearch = filter.q !== "";
  const { q, ...listed } = filter;
  // With the whole catalogue here nobody has to be asked what fits a filter.
  const isHere = !isSearch && (filter.subject !== "" || filter.difficulty !== "") && isCatalogueHere.value;
  const asked = isHere ? {} : listed;
  const list = usePagedList<ModuleSummary>(
    (cursor) => (isSearch ? paths.search(q, cursor) : paths.modules({ ...asked, ...(cursor && { cursor }) })),
    JSON.stringify(isSearch ? q : asked),
  );
  const isLocal = !isHere && list.items.value === undefined && list.error.value?.code === "offline" && summaries.value.size > 0;
  const inStored = useStoredSearch(q, isLocal && isSearch);
  const found = isHere || (isLocal && !isSearch) ? filterStored(filter) : isLocal ? inStored : list.items.value;
  // While the next result is on its way the last one stays: no flicker between two keys.
  const last = useRef<ModuleSummary[] | undefined>(undefined);
  last.current = found ?? (list.error.value === undefined ? last.current : undefined);
  const shown = isSearch ? last.current?.filter((item) => matches(item, filter)) : last.current;
  return (
    <View title={t().catalogue} lead={<p>{t().catalogueLead}</p>} result={list.oldest.value}>
      {filter.q === "" && <Continue />}
      <Filters filter={filter} onChange={onChange} />
      {isLocal && <p class="remark" role="status">{isSearch ? t().list.storedSearch : t().list.storedFilter}</p>}
      {shown === undefined
        ? list.error.value === undefined
          ? <Loading what={t().what.catalogue} lines={12} />
          : <Failure error={list.error.value} what={t().what.catalogue} onRetry={() => void list.load("network")} />
        : <Found items={shown} isGrouped={!isSearch} filter={filter} onChange={onChange} />}
      {!isLocal && !isHere && <More list={list} what="modules" />}
    </View>
  );
}

function Found({ items, isGrouped, filter, onChange }: { items: ModuleSummary[]; isGrouped: boolean; filter: Filter; onChange: (part: Partial<Filter>) => void }) {
  if (items.length > 0) {
    return (
      <>
        {!isGrouped && <p class="remark" role="status">{t().list.found(items.length, filter.q)}</p>}
        <ModuleList items={items} isGrouped={isGrouped} query={filter.q} />
      </>
    );
  }
  const isFiltered = filter.q !== "" || filter.subject !== "" || filter.difficulty !== "";
  return isFiltered
    ? (
      <Empty title={t().list.noneFits}>
        <p>{t().list.noneAdvice}</p>
        <button type="button" class="button" onClick={() => onChange({ q: "", subject: "", difficulty: "" })}>{t().list.showAll}</button>
      </Empty>
    )
    : <Empty title={t().list.empty}><p>{t().list.emptyAdvice}</p></Empty>;
}

function Filters({ filter, onChange }: { filter: Filter; onChange: (part: Partial<Filter>) => void }) {
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <SearchField value={filter.q} onChange={(q) => onChange({ q })} />
      <Choice label={t().list.subject} value={filter.subject} options={subjects.value.map((name) => [name, name])} onChange={(subject) => onChange({ subject })} />
      <Choice label={t().list.level} value={filter.difficulty} options={Object.entries(t().difficulty)} onChange={(difficulty) => onChange({ difficulty })} />
    </form>
  );
}

function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState(value);
  const debounced = useDebounced(typed.trim(), TYPING_PAUSE_MS);
  useEffect(() => {
    if (debounced !== value) onChange(debounced);
  }, [debounced]);
  useEffect(() => {
    if (value !== debounced) setTyped(value);
  }, [value]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      event.preventDefault();
      input.current?.select();
      input.current?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return (
    <div class="search-field">
      <Icon name="search" />
      <label class="visually-hidden" for="search">{t().list.search}</label>
      <input
        id="search" ref={input} class="input" type="search" placeholder={t().list.search} autocomplete="off" maxLength={MAX_SEARCH_CHARS} value={typed}
        aria-keyshortcuts="/" onInput={(event) => setTyped(event.currentTarget.value)}
      />
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}

function Choice({ label, value, options, onChange }: { label: string; value: string; options: [string, string][]; onChange: (value: string) => void }) {
  const isListed = value === "" || options.some(([option]) => option === value);
  return (
    <label class="choice">
      <span>{label}</span>
      <select class="input" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{t().list.all}</option>
        {!isListed && <option value={value}>{value}</option>}
        {options.map(([option, name]) => <option key={option} value={option}>{name}</option>)}
      </select>
    </label>
  );
}

function address(filter: Filter): string {
  const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== ""));
  return query.size === 0 ? views.catalogue : `${views.catalogue}?${query}`;
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.matches("input, select, textarea") || target.isContentEditable);
}
