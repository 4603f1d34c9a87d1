//! What happens in a run, as the checker and the history take it in: requests and their responses, what one session told another, faults,
//! and the audit of each learner. Not what is wrong about any of it.

use std::fmt;
use std::sync::Arc;

use kairos_protocol::sync::generation::Generations;
use serde::{Serialize, Serializer};

use super::schedule::Fault;

/// Something that happened. Those of one session come in the order in which it saw them.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// A session got a response, or none.
    Exchange(#[serde(serialize_with = "as_itself")] Arc<Exchange>),
    /// A session was told what another had seen in `exchange`, and its generations.
    Handover {
        /// Who was told.
        to: usize,
        /// What the other had seen.
        #[serde(serialize_with = "as_itself")]
        exchange: Arc<Exchange>,
    },
    /// Operations are about to be sent, for the first time or again.
    Sending {
        /// Which.
        operations: Vec<Sent>,
    },
    /// A fault begins or ends.
    Fault(FaultEvent),
    /// All of a learner's history and statistics, after the sessions ended.
    Audit(Audit),
}

/// A fault's beginning or end.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FaultEvent {
    pub(crate) at_us: u64,
    pub(crate) phase: Phase,
    #[serde(serialize_with = "as_text")]
    pub(crate) fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    Begins,
    Ends,
}

/// One request and what came of it. Times are from the start of the run.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Exchange {
    pub(crate) session: usize,
    /// Where it was sent.
    #[serde(serialize_with = "as_text")]
    pub(crate) target: Arc<str>,
    /// The origin there, or behind the edge there.
    pub(crate) origin: usize,
    pub(crate) through_edge: bool,
    /// Method, path, and its conditions.
    pub(crate) request: String,
    pub(crate) at_us: u64,
    pub(crate) took_us: u64,
    /// `Kairos-Min-Gen`.
    #[serde(serialize_with = "as_text")]
    pub(crate) sent: Generations,
    /// `Kairos-Gen`.
    #[serde(serialize_with = "as_text")]
    pub(crate) received: Generations,
    pub(crate) status: Option<u16>,
    /// Why there is no status, or what is wrong with the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
    /// Whether caches may store the response.
    pub(crate) storable: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) degraded: bool,
    pub(crate) cache_status: String,
    pub(crate) observed: Observed,
}

/// What a response says about the data.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Observed {
    #[default]
    Nothing,
    /// Editions of modules. A `complete` list has all that there are.
    Modules { editions: Vec<(usize, u64)>, complete: bool },
    /// A learner's records: module, attempts and seconds.
    Progress { learner: usize, records: Vec<Record> },
    /// A learner's statistics.
    Statistics { learner: usize, attempts: u64, seconds: u64 },
    /// The newest of a learner's history, newest first; all of it when it is `complete`.
    History { learner: usize, entries: Vec<Entry>, complete: bool },
    /// Operations that count, and the records after them.
    Acknowledged { learner: usize, operations: Vec<Entry>, records: Vec<Record> },
    /// A module's new edition was acknowledged.
    Written { module: usize, edition: u64 },
    /// Something that is another learner's.
    Foreign { learner: usize, what: String },
    /// A result that no valid operation may get.
    Refused { learner: usize, what: String },
}

/// A learner's record in a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Record {
    pub(crate) module: usize,
    pub(crate) attempts: u64,
    pub(crate) seconds: u64,
}

/// An entry of a history, in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub(crate) struct Entry {
    pub(crate) at_ms: i64,
    pub(crate) operation: OperationName,
}

/// An operation's id: whose it is, which session made it, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct OperationName {
    pub(crate) learner: usize,
    pub(crate) session: usize,
    pub(crate) number: u64,
}

impl fmt::Display for OperationName {
    /// Ids are compared as text: with these digits that is the order of the numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "L{:04}-S{:04}-{:08}", self.learner, self.session, self.number)
    }
}

impl Serialize for OperationName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl OperationName {
    /// The name that `id` writes.
    pub(crate) fn parse(id: &str) -> Option<Self> {
        let mut parts = id.split('-');
        let learner = parts.next()?.strip_prefix('L')?.parse().ok()?;
        let session = parts.next()?.strip_prefix('S')?.parse().ok()?;
        let number = parts.next()?.parse().ok()?;
        Some(Self { learner, session, number })
    }
}

/// An operation as it is sent: what it adds to the learner's statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Sent {
    pub(crate) operation: OperationName,
    pub(crate) attempts: u64,
    pub(crate) seconds: u64,
}

/// What a learner has in the end.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Audit {
    pub(crate) learner: usize,
    /// Every entry of the history, as the pages give them.
    pub(crate) history: Vec<OperationName>,
    pub(crate) attempts: u64,
    pub(crate) seconds: u64,
}

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn as_itself<S: Serializer>(exchange: &Arc<Exchange>, serializer: S) -> Result<S::Ok, S::Error> {
    exchange.serialize(serializer)
}

impl Exchange {
    /// Whether it is a read that says something about the data.
    pub(crate) fn is_checked_read(&self) -> bool {
        matches!(
            self.observed,
            Observed::Modules { .. }
                | Observed::Progress { .. }
                | Observed::Statistics { .. }
                | Observed::History { .. }
                | Observed::Foreign { .. }
        )
    }

    /// When it was there.
    pub(crate) fn ended_us(&self) -> u64 {
        self.at_us + self.took_us
    }
}

impl fmt::Display for Exchange {
    /// One line for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = |us: u64| us as f64 / 1e6;
        let Self { session, target, request, .. } = self;
        write!(f, "{:10.4} s  session {session:<3} {target:<9} {request}", secs(self.at_us))?;
        write!(f, "\n              seen [{}], got ", self.sent)?;
        match (self.status, &self.failure) {
            (Some(status), _) => write!(f, "{status}")?,
            (None, failure) => write!(f, "no response ({})", failure.as_deref().unwrap_or("?"))?,
        }
        write!(f, " after {:.1} ms [{}]", self.took_us as f64 / 1e3, self.received)?;
        write!(f, "{}{}", if self.storable { "" } else { " no-store" }, if self.degraded { " degraded" } else { "" })?;
        write!(f, " {}\n              {}", self.cache_status, self.observed)
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing observed"),
            Self::Modules { editions, .. } => {
                f.write_str("editions")?;
                editions.iter().try_for_each(|(module, edition)| write!(f, " m{module}:{edition}"))
            }
            Self::Progress { learner, records } => {
                write!(f, "learner {learner}:")?;
                records.iter().try_for_each(|r| write!(f, " m{}:{}/{} s", r.module, r.attempts, r.seconds))
            }
            Self::Statistics { learner, attempts, seconds } => {
                write!(f, "learner {learner}: {attempts} attempts, {seconds} s")
            }
            Self::History { learner, entries, .. } => {
                write!(f, "learner {learner}: {} entries", entries.len())?;
                entries.iter().take(5).try_for_each(|entry| write!(f, ", {}", entry.operation))
            }
            Self::Acknowledged { operations, .. } => {
                f.write_str("acknowledged")?;
                operations.iter().try_for_each(|entry| write!(f, " {}", entry.operation))
            }
            Self::Written { module, edition } => write!(f, "wrote m{module}:{edition}"),
            Self::Foreign { learner, what } => write!(f, "learner {learner} was given {what}"),
            Self::Refused { learner, what } => write!(f, "learner {learner}'s operation was refused: {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_ordered_as_their_ids_are() {
        let names = [(1, 2, 9), (1, 2, 10), (1, 2, 99_999_999), (1, 10, 1), (2, 3, 1), (10, 0, 0)];
        let names = names.map(|(learner, session, number)| OperationName { learner, session, number });
        assert!(names.is_sorted() && names.map(|name| name.to_string()).is_sorted());
        for name in names {
            assert_eq!(OperationName::parse(&name.to_string()), Some(name));
        }
        for id in ["", "01JQ6Z-4fKx", "L1-S1", "Lx-S1-1"] {
            assert_eq!(OperationName::parse(id), None, "{id}");
        }
    }
}
