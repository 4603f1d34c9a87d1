//! A learner's own operations on top of stored responses, through the reducer that the origin uses: what is shown offline is
//! what the origin will say. Pure. Not here: which operations a response lacks ([`crate::outbox`]).

use std::collections::{BTreeMap, BTreeSet};

use kairos_protocol::UnixMillis;
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::{OperationId, Slug};
use kairos_protocol::api::operation::Operation;
use kairos_protocol::api::page::Page;
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use kairos_protocol::sync::reducer;

/// All of a learner's records after `operations`.
pub(crate) fn records(base: Vec<ProgressRecord>, operations: &[Operation]) -> Vec<ProgressRecord> {
    let mut by_module: BTreeMap<Slug, ProgressRecord> = BTreeMap::new();
    by_module.extend(base.into_iter().map(|record| (record.module.clone(), record)));
    reducer::apply_all(&mut by_module, operations);
    by_module.into_values().collect()
}

/// A page of records after `operations`. Pages are in the order of the modules' slugs, so a module begun offline belongs on
/// the page that spans its slug; `all` (every record known of) tells where a page that is not the first begins. The page may
/// grow beyond its limit, so that the origin's cursor stays right.
pub(crate) fn progress_page(
    page: Page<ProgressRecord>,
    is_first: bool,
    all: &[ProgressRecord],
    operations: &[Operation],
) -> Page<ProgressRecord> {
    let mut on_page: BTreeSet<Slug> = BTreeSet::new();
    on_page.extend(page.items.iter().map(|record| record.module.clone()));
    let first = page.items.first().map(|record| record.module.clone());
    let begins_after = match &first {
        Some(first) if !is_first => {
            let before = all.iter().map(|record| &record.module).filter(|module| *module < first).max();
            before.or(Some(first)).cloned()
        }
        _ => None,
    };
    let ends_with = page.items.last().filter(|_| page.next_cursor.is_some()).map(|record| record.module.clone());
    let spans = |module: &Slug| {
        on_page.contains(module)
            || (begins_after.as_ref().is_none_or(|start| module > start)
                && ends_with.as_ref().is_none_or(|end| module <= end))
    };
    let here: Vec<Operation> = operations.iter().filter(|operation| spans(&operation.module)).cloned().collect();
    Page { items: records(page.items, &here), next_cursor: page.next_cursor }
}

/// A page of the history after `operations`: newest first by (time, operation id), each once.
pub(crate) fn history_page(page: Page<HistoryEntry>, is_first: bool, operations: &[Operation]) -> Page<HistoryEntry> {
    let oldest = page.items.last().filter(|_| page.next_cursor.is_some()).map(place);
    let newest = page.items.first().filter(|_| !is_first).map(place);
    let spans = |entry: &HistoryEntry| {
        oldest.as_ref().is_none_or(|oldest| place(entry) >= *oldest)
            && newest.as_ref().is_none_or(|newest| place(entry) <= *newest)
    };
    let own = operations.iter().map(entry).filter(spans);
    let mut items: BTreeMap<_, HistoryEntry> = BTreeMap::new();
    let mut known: BTreeSet<OperationId> = BTreeSet::new();
    known.extend(page.items.iter().map(|entry| entry.id.clone()));
    for entry in own.filter(|entry| !known.contains(&entry.id)).chain(page.items.iter().cloned()) {
        items.insert(place(&entry), entry);
    }
    Page { items: items.into_values().rev().collect(), next_cursor: page.next_cursor }
}

type Place = (UnixMillis, OperationId);

fn place(entry: &HistoryEntry) -> Place {
    (entry.at_ms, entry.id.clone())
}

fn entry(operation: &Operation) -> HistoryEntry {
    HistoryEntry {
        id: operation.id.clone(),
        module: operation.module.clone(),
        at_ms: operation.at_ms,
        action: operation.action.clone(),
    }
}

/// What the origin said about all records, moved by the difference between two views of the records known here.
pub(crate) fn shift(said: &Statistics, from: &Statistics, to: &Statistics) -> Statistics {
    let moved = |said: u64, from: u64, to: u64| said.saturating_add(to).saturating_sub(from);
    Statistics {
        modules: moved(said.modules, from.modules, to.modules),
        completed: moved(said.completed, from.completed, to.completed),
        in_progress: moved(said.in_progress, from.in_progress, to.in_progress),
        time_spent_secs: moved(said.time_spent_secs, from.time_spent_secs, to.time_spent_secs),
        attempts: moved(said.attempts, from.attempts, to.attempts),
        scored: moved(said.scored, from.scored, to.scored),
        score_sum: moved(said.score_sum, from.score_sum, to.score_sum),
        average_score: None,
    }
    .with_average()
}

#[cfg(test)]
mod tests;
