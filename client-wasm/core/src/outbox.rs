//! One learner's operations in this browser: what waits to be sent, what the origin confirmed, what it rejected. Each has a number,
//! which the disk gave it: larger than those of all that were recorded before, in whatever tab. Not here: sending, or writing rows.
//!
//! **How a learner's progress never goes back and nothing counts twice.** A stored response of the learner's has a *position*: it
//! includes every operation with a number up to that, and none with a larger one. So what is shown is the response with all operations
//! of larger numbers applied. A response that comes may become stored if, by a look at the rows that began after it came, nothing waits,
//! and everything confirmed was confirmed under a generation that is not above the response's own: then it includes all
//! of them, and whatever is recorded later has a larger number and cannot be in it ([`Outbox::position_of`]).

pub(crate) mod row;

use std::rc::Rc;

use kairos_protocol::api::operation::Operation;

use crate::rules::{Broken, Rules};

/// An operation that the origin has not confirmed. It may have been sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its number.
    pub number: u64,
    /// What was done.
    pub operation: Rc<Operation>,
}

/// An operation that the origin applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Confirmed {
    pub(crate) number: u64,
    /// States of this generation and above include it.
    pub(crate) generation: u64,
    pub(crate) operation: Rc<Operation>,
}

/// An operation that the origin will never apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its number.
    pub number: u64,
    /// What was done.
    pub operation: Rc<Operation>,
    /// Why: the problem, as JSON.
    pub problem: Rc<str>,
}

/// A learner's operations, as last read or written; each list by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outbox {
    pub(crate) pending: Vec<Pending>,
    pub(crate) confirmed: Vec<Confirmed>,
    pub(crate) rejected: Vec<Rejected>,
    /// Rows of a newer version: they wait too, for a client that can read them.
    pub(crate) unreadable: usize,
    /// The largest number that was heard of.
    highest: u64,
    /// The largest that was read.
    read_to: u64,
    /// What was confirmed up to here has left `confirmed` …
    trimmed_to: u64,
    /// … under generations up to this.
    trimmed_generation: u64,
}

/// Most confirmed operations that stay for the sake of responses that were not fetched again since.
pub(crate) const LONGEST_JOURNAL: usize = 200;

impl Outbox {
    /// One that was not read yet: something may wait in it.
    pub(crate) fn unread() -> Self {
        Self { unreadable: 1, ..Self::default() }
    }

    /// Whether anything waits.
    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Enters an operation that was written.
    pub(crate) fn insert(&mut self, number: u64, operation: &Rc<Operation>) {
        self.highest = self.highest.max(number);
        if number <= self.read_to {
            // The rows that were read since it was written say what became of it.
            return;
        }
        if let Err(place) = self.pending.binary_search_by_key(&number, |pending| pending.number) {
            self.pending.insert(place, Pending { number, operation: Rc::clone(operation) });
        }
    }

    /// Enters that one was applied.
    pub(crate) fn confirm(&mut self, number: u64, generation: u64) {
        let Some(operation) = self.take(number) else { return };
        if let Err(place) = self.confirmed.binary_search_by_key(&number, |confirmed| confirmed.number) {
            self.confirmed.insert(place, Confirmed { number, generation, operation });
        }
    }

    /// Enters that one was rejected.
    pub(crate) fn reject(&mut self, number: u64, problem: &Rc<str>) {
        let Some(operation) = self.take(number) else { return };
        self.rejected.push(Rejected { number, operation, problem: Rc::clone(problem) });
    }

    fn take(&mut self, number: u64) -> Option<Rc<Operation>> {
        let place = self.pending.binary_search_by_key(&number, |pending| pending.number).ok()?;
        Some(self.pending.remove(place).operation)
    }

    /// The next operations to send, from number `from` on, at most `limit`.
    pub(crate) fn batch(&self, from: u64, limit: usize) -> Vec<Pending> {
        self.pending.iter().filter(|pending| pending.number >= from).take(limit).cloned().collect()
    }

    /// The position of a response of `generation` that came before the rows were last read; `None` if it is not known which operations
    /// it includes.
    pub(crate) fn position_of(&self, generation: u64, rules: Rules) -> Option<u64> {
        let is_included = |confirmed: &Confirmed| confirmed.generation <= generation;
        let waits = !self.pending.is_empty() || self.unreadable > 0;
        let includes_all = self.confirmed.iter().all(is_included) && self.trimmed_generation <= generation;
        let is_known = (!waits || rules.breaks(Broken::StoresWhileWaiting))
            && (includes_all || rules.breaks(Broken::StoresWhateverConfirmed));
        is_known.then_some(self.highest)
    }

    /// Everything with a larger number is still known; all others are in states of `generation`, if that is known.
    pub(crate) fn trimmed_to(&self, generation: u64) -> Option<u64> {
        let waits = self.unreadable > 0 || self.pending.iter().any(|pending| pending.number <= self.trimmed_to);
        (!waits && self.trimmed_generation <= generation).then_some(self.trimmed_to)
    }

    /// Whether everything that came after `position` is still known.
    pub(crate) const fn reaches_back_to(&self, position: u64) -> bool {
        position >= self.trimmed_to
    }

    /// What a response of that position lacks: confirmed since, or waiting; each once.
    pub(crate) fn since(&self, position: u64) -> Vec<Rc<Operation>> {
        self.between(position, u64::MAX)
    }

    /// The same up to another position.
    pub(crate) fn between(&self, from: u64, to: u64) -> Vec<Rc<Operation>> {
        let confirmed = self.confirmed.iter().map(|confirmed| (confirmed.number, &confirmed.operation));
        let pending = self.pending.iter().map(|pending| (pending.number, &pending.operation));
        let all = confirmed.chain(pending);
        let mut found: Vec<Rc<Operation>> = Vec::new();
        for (number, operation) in all.clone() {
            // One that was written twice, since nobody knew whether it was, has two numbers: the smaller one counts.
            let is_first = || !all.clone().any(|(before, other)| before < number && other.id == operation.id);
            let is_new = |found: &[Rc<Operation>]| !found.iter().any(|other| other.id == operation.id);
            if number > from && number <= to && is_new(&found) && is_first() {
                found.push(Rc::clone(operation));
            }
        }
        found
    }

    /// How many of those that wait a response of that position shows.
    pub(crate) fn pending_since(&self, position: u64) -> usize {
        self.pending.iter().filter(|pending| pending.number > position).count()
    }

    /// What leaves a journal that is too long: the older half, how far it reaches, and under which generations. What was recorded after
    /// something that still waits stays longer: what waits would not show.
    pub(crate) fn excess(&self) -> Option<(Vec<u64>, u64, u64)> {
        let has_room = self.confirmed.len() <= LONGEST_JOURNAL * 4;
        let first_pending = self.pending.first().filter(|_| has_room).map_or(u64::MAX, |pending| pending.number);
        let before = self.confirmed.iter().filter(|confirmed| confirmed.number < first_pending);
        if before.clone().count() <= LONGEST_JOURNAL {
            return None;
        }
        let oldest = before.take(LONGEST_JOURNAL / 2);
        let generation = oldest.clone().map(|confirmed| confirmed.generation).max().unwrap_or(0);
        let numbers: Vec<u64> = oldest.map(|confirmed| confirmed.number).collect();
        let to = numbers.last().copied().unwrap_or(0).max(self.trimmed_to);
        Some((numbers, to, generation.max(self.trimmed_generation)))
    }

    /// Enters that the journal was trimmed.
    pub(crate) fn trim(&mut self, to: u64, generation: u64) {
        self.trimmed_to = self.trimmed_to.max(to);
        self.trimmed_generation = self.trimmed_generation.max(generation);
        self.highest = self.highest.max(to);
        self.confirmed.retain(|confirmed| confirmed.number > to);
    }
}
