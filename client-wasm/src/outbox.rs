//! One learner's operations in this browser, as data: what waits to be sent, what the origin rejected, and what it confirmed
//! since the stored responses were fetched. Pure: [`crate::persistence`] stores it, [`crate::sync`] sends it.
//!
//! The journal is how a learner never sees progress go back. Each stored response says how far in it that response reaches
//! (`applied_sequence`); whatever was confirmed after that, and whatever still waits, is applied on top. A response only becomes
//! such a base when the origin cannot have applied anything that the journal does not know: no operation may be *unconfirmed*,
//! that is, sent without a word of what became of it.
//!
//! Disks have it under the names that it was first given: `serde(rename)` where the code says another.

use std::collections::BTreeMap;

use kairos_protocol::api::operation::Operation;
use kairos_protocol::api::problem::Problem;
use kairos_protocol::sync::generation::Generations;
use serde::{Deserialize, Serialize};

use crate::stored_response::{Base, generations_text};

/// Most confirmed operations that stay for the sake of responses that have not been fetched again since.
const LONGEST_JOURNAL: usize = 1_000;

/// An operation that the origin has not confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// Its place in the order of recording.
    pub(crate) position: u64,
    /// How often sending it was begun. Above 0 the origin may have applied it.
    pub(crate) attempts: u32,
    pub(crate) operation: Operation,
}

/// An operation that the origin will never apply, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rejected {
    pub(crate) operation: Operation,
    pub(crate) problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Confirmed {
    /// [`Outbox::sequence`] from which on responses include it.
    sequence: u64,
    operation: Operation,
}

/// What became of one operation: [`OperationResult`](kairos_protocol::api::operation::OperationResult) without the record,
/// whose reader would be a tenth of the module.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct OperationOutcome {
    /// The operation's id as it was sent.
    #[serde(default)]
    pub(crate) id: Option<String>,
    outcome: String,
    #[serde(default)]
    problem: Option<Problem>,
}

/// The origin's response to a batch.
#[derive(Debug, Deserialize)]
pub(crate) struct BatchResponse {
    /// One for each operation.
    pub(crate) results: Vec<OperationOutcome>,
}

/// A learner's operations. Serialised without `pending`, whose rows are stored one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outbox {
    /// In the order of recording.
    #[serde(skip)]
    pub(crate) pending: Vec<Pending>,
    /// Until the learner dismisses them.
    #[serde(default)]
    pub(crate) rejected: Vec<Rejected>,
    /// Grows with every confirmation.
    #[serde(default)]
    pub(crate) sequence: u64,
    /// The highest generations this browser has seen for this learner.
    #[serde(default, with = "generations_text")]
    pub(crate) seen: Generations,
    #[serde(default)]
    confirmed: Vec<Confirmed>,
    /// What was confirmed up to here has left `confirmed`.
    #[serde(default, rename = "forgotten_to")]
    trimmed_to: u64,
    #[serde(default)]
    next_position: u64,
    /// `applied_sequence` of each stored response, by path.
    #[serde(default)]
    bases: BTreeMap<String, u64>,
}

impl Outbox {
    /// Adds an operation at the end.
    pub(crate) fn record(&mut self, operation: Operation) {
        let behind_last = self.pending.last().map_or(0, |last| last.position.saturating_add(1));
        let position = self.next_position.max(behind_last);
        self.next_position = position.saturating_add(1);
        self.pending.push(Pending { position, attempts: 0, operation });
    }

    /// The next operations to send, from the position `from` on, at most `limit`; from now on they are unconfirmed.
    pub(crate) fn begin_batch(&mut self, from: u64, limit: usize) -> Vec<Pending> {
        let batch = self.pending.iter_mut().filter(|pending| pending.position >= from).take(limit);
        batch
            .map(|pending| {
                pending.attempts = pending.attempts.saturating_add(1);
                pending.clone()
            })
            .collect()
    }

    /// How many of `batch` still wait.
    pub(crate) fn waiting(&self, batch: &[Pending]) -> usize {
        let waits = |one: &&Pending| self.pending.iter().any(|pending| pending.operation.id == one.operation.id);
        batch.iter().filter(waits).count()
    }

    /// Applies what the origin said of a batch. Results for operations that do not wait (any more) are ignored, so that two tabs
    /// may hear the same.
    pub(crate) fn apply_results(&mut self, results: &[OperationOutcome]) {
        let sequence = self.sequence.saturating_add(1);
        for result in results {
            let Some(id) = result.id.as_deref() else { continue };
            match (result.outcome.as_str(), &result.problem) {
                ("applied" | "duplicate", _) => {
                    if let Some(operation) = self.take(id) {
                        self.sequence = sequence;
                        self.confirmed.push(Confirmed { sequence, operation });
                    }
                }
                ("rejected", Some(problem)) => self.reject(id, problem),
                // Not known here: it stays.
                _ => {}
            }
        }
    }

    /// Moves one operation to the rejected ones.
    pub(crate) fn reject(&mut self, id: &str, problem: &Problem) {
        if let Some(operation) = self.take(id) {
            self.rejected.push(Rejected { operation, problem: problem.clone() });
        }
    }

    fn take(&mut self, id: &str) -> Option<Operation> {
        let index = self.pending.iter().position(|pending| pending.operation.id.as_str() == id)?;
        Some(self.pending.remove(index).operation)
    }

    /// Whether the origin may have applied something that it did not confirm.
    pub(crate) fn has_unconfirmed(&self) -> bool {
        self.pending.iter().any(|pending| pending.attempts > 0)
    }

    /// Makes the response at `path` a base. Its fetch began when [`Outbox::sequence`] was `applied_sequence` and nothing was
    /// unconfirmed; if something was sent meanwhile (from here or from another tab), nobody can say which operations it includes.
    pub(crate) fn set_base(&mut self, path: &str, applied_sequence: u64) -> Base {
        if self.sequence != applied_sequence || self.has_unconfirmed() {
            return Base::Unknown;
        }
        self.bases.insert(path.to_owned(), applied_sequence);
        while self.confirmed.len() > LONGEST_JOURNAL && self.oldest_base() < applied_sequence {
            let oldest = self.oldest_base();
            self.bases.retain(|_, reaches| *reaches > oldest);
            self.trim_to(self.oldest_base());
        }
        self.trim_to(self.oldest_base());
        Base::Known
    }

    fn oldest_base(&self) -> u64 {
        self.bases.values().copied().min().unwrap_or(self.sequence)
    }

    fn trim_to(&mut self, sequence: u64) {
        self.confirmed.retain(|confirmed| confirmed.sequence > sequence);
        self.trimmed_to = self.trimmed_to.max(sequence);
    }

    /// Whether the journal still has everything that came after `applied_sequence`.
    pub(crate) fn reaches_back_to(&self, applied_sequence: u64) -> bool {
        applied_sequence >= self.trimmed_to && applied_sequence <= self.sequence
    }

    /// What a response that reaches to `applied_sequence` lacks: confirmed since, then waiting, in order.
    pub(crate) fn since(&self, applied_sequence: u64) -> Vec<Operation> {
        let confirmed = self.confirmed.iter().filter(|confirmed| confirmed.sequence > applied_sequence);
        let confirmed = confirmed.map(|confirmed| &confirmed.operation);
        confirmed.chain(self.pending.iter().map(|pending| &pending.operation)).cloned().collect()
    }

    /// What was confirmed after `from` and up to `to`.
    pub(crate) fn confirmed_between(&self, from: u64, to: u64) -> Vec<Operation> {
        let within = self.confirmed.iter().filter(|confirmed| confirmed.sequence > from && confirmed.sequence <= to);
        within.map(|confirmed| confirmed.operation.clone()).collect()
    }

    /// What was never sent, so that no response can include it.
    pub(crate) fn never_sent(&self) -> Vec<Operation> {
        let never_sent = self.pending.iter().filter(|pending| pending.attempts == 0);
        never_sent.map(|pending| pending.operation.clone()).collect()
    }
}

#[cfg(test)]
mod tests;
