//! The oldest state that one session may still be given (I-SESSION): what it has seen, or was told of. Editions of modules, a learner's
//! records, statistics and history only grow, so "older" is a comparison of numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Kind, Violation};
use crate::chaos::event::{Entry, Exchange, Observed, Record};

/// The newest entries of a history that are looked for: a page has a hundred.
const MOST_ENTRIES: usize = 300;

/// The exchange that something was seen in.
type Sighting = Arc<Exchange>;

#[derive(Default)]
pub(super) struct Floor {
    modules: BTreeMap<usize, (u64, Sighting)>,
    records: BTreeMap<usize, (Record, Sighting)>,
    statistics: Option<(Totals, Sighting)>,
    /// The newest of the history, seen there or acknowledged.
    entries: BTreeMap<Entry, Sighting>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Totals {
    attempts: u64,
    seconds: u64,
}

impl Totals {
    fn is_older_than(self, other: Self) -> bool {
        self.attempts < other.attempts || self.seconds < other.seconds
    }

    fn max(self, other: Self) -> Self {
        Self { attempts: self.attempts.max(other.attempts), seconds: self.seconds.max(other.seconds) }
    }
}

impl From<Record> for Totals {
    fn from(record: Record) -> Self {
        Self { attempts: record.attempts, seconds: record.seconds }
    }
}

fn sum<'a>(records: impl Iterator<Item = &'a Record>) -> Totals {
    records.fold(Totals::default(), |sum, record| Totals {
        attempts: sum.attempts + record.attempts,
        seconds: sum.seconds + record.seconds,
    })
}

impl Floor {
    /// What `exchange` shows that is older than this.
    pub(super) fn check(&self, exchange: &Arc<Exchange>) -> Option<Violation> {
        match &exchange.observed {
            Observed::Modules { editions, complete } => self.check_modules(exchange, editions, *complete),
            Observed::Progress { records, .. } => {
                self.check_records(exchange, records, true).or_else(|| self.check_totals(exchange, sum(records.iter())))
            }
            Observed::Acknowledged { records, .. } => self.check_records(exchange, records, false),
            Observed::Statistics { attempts, seconds, .. } => {
                self.check_totals(exchange, Totals { attempts: *attempts, seconds: *seconds })
            }
            Observed::History { entries, complete, .. } => self.check_history(exchange, entries, *complete),
            Observed::Written { .. } | Observed::Nothing | Observed::Foreign { .. } | Observed::Refused { .. } => None,
        }
    }

    fn check_modules(&self, exchange: &Arc<Exchange>, editions: &[(usize, u64)], complete: bool) -> Option<Violation> {
        self.modules.iter().find_map(|(module, (seen, sighting))| {
            let edition = editions.iter().find(|(listed, _)| listed == module).map(|(_, edition)| *edition);
            // A module that is missing from a complete list is older than any edition.
            let edition = edition.or_else(|| complete.then_some(0))?;
            let what = format!("module {module} in edition {edition} after {seen}");
            (edition < *seen).then(|| Violation::of(Kind::Older, exchange, what).against(sighting))
        })
    }

    fn check_records(&self, exchange: &Arc<Exchange>, records: &[Record], complete: bool) -> Option<Violation> {
        self.records.iter().find_map(|(module, (seen, sighting))| {
            let record = records.iter().find(|record| record.module == *module).copied();
            let nothing = Record { module: *module, attempts: 0, seconds: 0 };
            let record = record.or_else(|| complete.then_some(nothing))?;
            let what = format!("{record:?} after {seen:?}");
            let is_older = Totals::from(record).is_older_than(Totals::from(*seen));
            is_older.then(|| Violation::of(Kind::Older, exchange, what).against(sighting))
        })
    }

    /// Totals are at least those that were seen, and at least the sum of the records that were seen.
    fn check_totals(&self, exchange: &Arc<Exchange>, totals: Totals) -> Option<Violation> {
        let what = |seen: Totals| {
            let Totals { attempts, seconds } = totals;
            format!("{attempts} attempts and {seconds} s after {} and {} s", seen.attempts, seen.seconds)
        };
        if let Some((seen, sighting)) = self.statistics.as_ref().filter(|(seen, _)| totals.is_older_than(*seen)) {
            return Some(Violation::of(Kind::Older, exchange, what(*seen)).against(sighting));
        }
        let seen = sum(self.records.values().map(|(record, _)| record));
        let (_, latest) = self.records.values().max_by_key(|(_, sighting)| sighting.ended_us())?;
        totals.is_older_than(seen).then(|| Violation::of(Kind::Older, exchange, what(seen)).against(latest))
    }

    /// What was seen and belongs on this page is on it.
    fn check_history(&self, exchange: &Arc<Exchange>, entries: &[Entry], complete: bool) -> Option<Violation> {
        let listed: BTreeSet<Entry> = entries.iter().copied().collect();
        let oldest = entries.last().copied().filter(|_| !complete);
        let missing = self.entries.iter().find(|(seen, _)| {
            let belongs = oldest.is_none_or(|oldest| **seen >= oldest);
            belongs && !listed.contains(seen)
        });
        let (entry, sighting) = missing?;
        let what = format!("a history without {}", entry.operation);
        Some(Violation::of(Kind::Older, exchange, what).against(sighting))
    }

    /// From now on `exchange` has been seen.
    pub(super) fn raise(&mut self, exchange: &Arc<Exchange>) {
        match &exchange.observed {
            Observed::Modules { editions, .. } => {
                editions.iter().for_each(|(module, edition)| self.raise_module(*module, *edition, exchange));
            }
            Observed::Written { module, edition } => self.raise_module(*module, *edition, exchange),
            Observed::Progress { records, .. } => {
                records.iter().for_each(|record| self.raise_record(*record, exchange));
            }
            Observed::Acknowledged { operations, records, .. } => {
                records.iter().for_each(|record| self.raise_record(*record, exchange));
                self.raise_history(operations, exchange);
            }
            Observed::Statistics { attempts, seconds, .. } => {
                let seen = self.statistics.as_ref().map(|(seen, _)| *seen).unwrap_or_default();
                let totals = Totals { attempts: *attempts, seconds: *seconds }.max(seen);
                self.statistics = Some((totals, Arc::clone(exchange)));
            }
            Observed::History { entries, .. } => self.raise_history(entries, exchange),
            Observed::Nothing | Observed::Foreign { .. } | Observed::Refused { .. } => {}
        }
    }

    fn raise_history(&mut self, entries: &[Entry], exchange: &Arc<Exchange>) {
        self.entries.extend(entries.iter().map(|entry| (*entry, Arc::clone(exchange))));
        while self.entries.len() > MOST_ENTRIES {
            self.entries.pop_first();
        }
    }

    fn raise_module(&mut self, module: usize, edition: u64, exchange: &Arc<Exchange>) {
        if self.modules.get(&module).is_none_or(|(seen, _)| *seen < edition) {
            self.modules.insert(module, (edition, Arc::clone(exchange)));
        }
    }

    fn raise_record(&mut self, record: Record, exchange: &Arc<Exchange>) {
        let seen = self.records.get(&record.module).map(|(seen, _)| Totals::from(*seen)).unwrap_or_default();
        let Totals { attempts, seconds } = Totals::from(record).max(seen);
        self.records.insert(record.module, (Record { attempts, seconds, ..record }, Arc::clone(exchange)));
    }
}
