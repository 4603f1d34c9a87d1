//! A learner's own operations on top of stored responses, through the reducer that the origin uses: what is shown offline is what the
//! origin will say. Not here: which operations a response lacks ([`crate::outbox`]).

use std::rc::Rc;

use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::operation::Operation;
use kairos_protocol::api::paths;
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use kairos_protocol::sync::reducer;

use crate::json::writer::Writer;
use crate::order::sort;
use crate::wire;

/// Which list of the learner's a response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overlay {
    /// None: operations do not show in it.
    None,
    /// A page of records; the first when there is no cursor.
    Progress { is_first: bool },
    /// Sums over all records.
    Statistics,
    /// A page of entries, likewise.
    History { is_first: bool },
}

impl Overlay {
    /// Of a path and query.
    pub(crate) fn of(pathname: &str, query: &str) -> Self {
        let is_first = !query.split('&').any(|pair| pair.starts_with("cursor="));
        match pathname {
            paths::PROGRESS => Self::Progress { is_first },
            paths::STATISTICS => Self::Statistics,
            paths::HISTORY => Self::History { is_first },
            _ => Self::None,
        }
    }
}

/// Records after `operations`, by module.
pub(crate) fn records(mut base: Vec<ProgressRecord>, operations: &[Rc<Operation>]) -> Vec<ProgressRecord> {
    sort(&mut base, |one, other| one.module < other.module);
    for operation in operations {
        let place = base.binary_search_by(|record| record.module.cmp(&operation.module));
        let place = place.unwrap_or_else(|place| {
            base.insert(place, ProgressRecord::empty(operation.module.clone()));
            place
        });
        if let Some(record) = base.get_mut(place) {
            reducer::apply(record, operation);
        }
    }
    base
}

/// The records in a body: a page, or all of them.
pub(crate) fn records_of(body: &str) -> Option<Vec<ProgressRecord>> {
    let (items, _) = wire::page(body)?;
    items.into_iter().map(wire::record).collect()
}

/// A page of records after `operations`. Pages are in the order of the modules' slugs, so a module begun offline belongs on the page
/// that spans its slug; `all` (every record known of) tells where a page that is not the first begins. The page may grow beyond its
/// limit, so that the origin's cursor stays right.
pub(crate) fn progress_page(
    body: &str,
    is_first: bool,
    all: &[ProgressRecord],
    operations: &[Rc<Operation>],
) -> Option<String> {
    let (_, cursor) = wire::page(body)?;
    let items = records_of(body)?;
    let first = items.first().map(|record| &record.module);
    let begins_after = match first {
        Some(first) if !is_first => {
            all.iter().map(|record| &record.module).filter(|module| *module < first).max().or(Some(first))
        }
        _ => None,
    };
    let ends_with = items.last().map(|record| &record.module).filter(|_| cursor.is_some());
    let spans = |operation: &&Rc<Operation>| {
        let module = &operation.module;
        items.iter().any(|record| record.module == *module)
            || (begins_after.is_none_or(|start| module > start) && ends_with.is_none_or(|end| module <= end))
    };
    let here: Vec<_> = operations.iter().filter(spans).cloned().collect();
    Some(wire::write_page(&records(items.clone(), &here), cursor, wire::write_record))
}

/// A page of the history after `operations`: newest first by (time, operation id), each once.
pub(crate) fn history_page(body: &str, is_first: bool, operations: &[Rc<Operation>]) -> Option<String> {
    let (items, cursor) = wire::page(body)?;
    let mut entries: Vec<Operation> =
        items.into_iter().map(|item| wire::entry(item).map(operation_of)).collect::<Option<_>>()?;
    let place = |operation: &Operation| (operation.at_ms, operation.id.clone());
    let oldest = entries.last().filter(|_| cursor.is_some()).map(place);
    let newest = entries.first().filter(|_| !is_first).map(place);
    for operation in operations {
        let here = place(operation);
        let spans = oldest.as_ref().is_none_or(|oldest| here >= *oldest)
            && newest.as_ref().is_none_or(|newest| here <= *newest);
        if spans && !entries.iter().any(|entry| entry.id == operation.id) {
            entries.push(Operation::clone(operation));
        }
    }
    sort(&mut entries, |one, other| (one.at_ms, &one.id) > (other.at_ms, &other.id));
    Some(wire::write_page(&entries, cursor, wire::write_operation))
}

/// An entry has what the operation has that made it.
fn operation_of(entry: HistoryEntry) -> Operation {
    let HistoryEntry { id, module, at_ms, action } = entry;
    Operation { id, module, at_ms, action }
}

/// Sums over `records`, as JSON.
pub(crate) fn statistics_of(records: &[ProgressRecord]) -> String {
    statistics_text(&reducer::statistics(records))
}

/// What the origin said about all records, moved by the difference between two views of the records known here.
pub(crate) fn shift_statistics(body: &str, then: &[ProgressRecord], now: &[ProgressRecord]) -> Option<String> {
    let said = wire::statistics(body)?;
    let (from, to) = (reducer::statistics(then), reducer::statistics(now));
    let moved = |of: fn(&Statistics) -> u64| of(&said).saturating_add(of(&to)).saturating_sub(of(&from));
    Some(statistics_text(&Statistics {
        modules: moved(|sums| sums.modules),
        completed: moved(|sums| sums.completed),
        in_progress: moved(|sums| sums.in_progress),
        time_spent_secs: moved(|sums| sums.time_spent_secs),
        attempts: moved(|sums| sums.attempts),
        scored: moved(|sums| sums.scored),
        score_sum: moved(|sums| sums.score_sum),
        average_score: None,
    }))
}

fn statistics_text(statistics: &Statistics) -> String {
    let mut writer = Writer::default();
    wire::write_statistics(&mut writer, statistics);
    writer.into_text()
}
