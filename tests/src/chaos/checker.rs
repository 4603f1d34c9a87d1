//! Takes in what happens, one event after the other, and says what must not be: the invariants of docs/ARCHITECTURE.md as a program.
//! It does no I/O and knows no clock, so that a history can be made up to try it.

mod faults;
mod floor;
mod lag;
mod ledger;
mod numbers;
mod violation;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub(crate) use violation::{Kind, Violation};

use super::event::{Answer, Event, Observed, Phase};
use faults::Faults;
use floor::Floor;
use lag::Lag;
use ledger::Ledger;
use numbers::Numbers;

/// No request may take longer, but for the time that its origin was made to stand still.
const LONGEST_WAIT_US: u64 = 30_000_000;

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Answers that a state was read from.
    pub(crate) reads: u64,
    /// Modules' editions that were acknowledged.
    pub(crate) writes: u64,
    pub(crate) handovers: u64,
    pub(crate) faults: u64,
    /// Answers of each status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) unanswered: u64,
    /// 5xx and unanswered requests, though nothing was broken that they needed.
    pub(crate) unexplained: u64,
    pub(crate) longest_wait_us: u64,
    /// How long an acknowledged write was not seen, at most: at origins and at edges.
    pub(crate) longest_lag_us: [u64; 2],
    /// Reads by what their caches did.
    pub(crate) tiers: BTreeMap<String, u64>,
    /// Two states under one number, in answers that nobody may keep: no violation.
    pub(crate) two_states_unstorable: u64,
    pub(crate) violations: BTreeMap<Kind, u64>,
}

/// The state of the check. What it remembers is bounded, but for the operations' names.
#[derive(Default)]
pub(crate) struct Checker {
    floors: HashMap<usize, Floor>,
    numbers: Numbers,
    ledger: Ledger,
    faults: Faults,
    lag: Lag,
    counts: Counts,
}

impl Checker {
    /// What was counted so far.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Operations that were acknowledged, and those that never were.
    pub(crate) fn operations(&self) -> (u64, u64) {
        self.ledger.operations()
    }

    /// What is wrong about `event`, after all that came before.
    pub(crate) fn take(&mut self, event: &Event) -> Vec<Violation> {
        let violations = match event {
            Event::Answer(answer) => self.take_answer(answer),
            Event::Handover { to, answer } => {
                self.counts.handovers += 1;
                self.floors.entry(*to).or_default().raise(answer);
                Vec::new()
            }
            Event::Sending { operations } => {
                self.ledger.send(operations);
                Vec::new()
            }
            Event::Fault(fault) => {
                self.counts.faults += u64::from(fault.phase == Phase::Begins);
                self.faults.take(fault);
                Vec::new()
            }
            Event::Audit(audit) => self.ledger.audit(audit),
        };
        for violation in &violations {
            *self.counts.violations.entry(violation.kind).or_default() += violation.times;
        }
        violations
    }

    fn take_answer(&mut self, answer: &Arc<Answer>) -> Vec<Violation> {
        self.count(answer);
        let mut violations = self.check_service(answer);
        if let Observed::Foreign { learner, what } = &answer.observed {
            violations.push(Violation::of(Kind::Crossed, answer, format!("learner {learner} was given {what}")));
        }
        if let Observed::Refused { what, .. } = &answer.observed {
            violations.push(Violation::of(Kind::Lost, answer, format!("a valid operation was refused: {what}")));
        }
        if let Observed::Acknowledged { operations, .. } = &answer.observed {
            self.ledger.acknowledge(operations.iter().map(|entry| &entry.operation));
        }
        let floor = self.floors.entry(answer.session).or_default();
        violations.extend(floor.check(answer));
        floor.raise(answer);
        if answer.is_checked_read() {
            let contradiction = self.numbers.check(answer);
            match contradiction {
                Some(violation) if answer.storable => violations.push(violation),
                Some(_) => self.counts.two_states_unstorable += 1,
                None => {}
            }
        }
        violations
    }

    fn count(&mut self, answer: &Answer) {
        self.counts.longest_wait_us = self.counts.longest_wait_us.max(self.faults.wait_us(answer));
        match answer.status {
            Some(status) => *self.counts.statuses.entry(status).or_default() += 1,
            None => self.counts.unanswered += 1,
        }
        let lag_us = self.lag.take(answer).unwrap_or_default();
        let [at_origins, at_edges] = &mut self.counts.longest_lag_us;
        let longest_us = if answer.through_edge { at_edges } else { at_origins };
        *longest_us = lag_us.max(*longest_us);
        if answer.is_checked_read() {
            self.counts.reads += 1;
            *self.counts.tiers.entry(tier(answer)).or_default() += 1;
        }
        if matches!(answer.observed, Observed::Written { .. }) {
            self.counts.writes += 1;
        }
    }

    /// I-UP.
    fn check_service(&mut self, answer: &Arc<Answer>) -> Vec<Violation> {
        let mut violations = Vec::new();
        if answer.status == Some(500) {
            violations.push(Violation::of(Kind::Internal, answer, "status 500".to_owned()));
        }
        let wait_us = self.faults.wait_us(answer);
        if wait_us > LONGEST_WAIT_US {
            violations.push(Violation::of(Kind::Hung, answer, format!("{} s without an answer", wait_us / 1_000_000)));
        }
        let failed = answer.status.is_none_or(|status| status >= 500);
        if failed && !self.faults.explain(answer) {
            self.counts.unexplained += 1;
        }
        violations
    }
}

/// What the caches did, in the words of `Cache-Status`: `edge hit`, `origin hit memory`, `origin miss`, `origin bypass fenced`.
fn tier(answer: &Answer) -> String {
    let member = answer.cache_status.rsplit(", ").find(|member| member.contains("; hit"));
    let member = member.or_else(|| answer.cache_status.split(", ").next()).unwrap_or_default();
    let mut parts = member.split("; ");
    let cache = parts.next().unwrap_or_default().trim_start_matches("kairos-");
    let words = parts.filter_map(|part| match part.split_once('=') {
        None if part == "hit" => Some("hit"),
        Some(("fwd" | "detail", what)) => Some(what),
        _ => None,
    });
    [cache].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}
