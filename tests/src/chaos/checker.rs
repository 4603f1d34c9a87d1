//! Takes in what happens, one event after the other, and says what must not be: the invariants of docs/ARCHITECTURE.md as a program.
//! It does no I/O and knows no clock, so that a history can be made up to try it.

mod faults;
mod floor;
mod lag;
mod numbers;
mod operation_log;
mod violation;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub(crate) use violation::{Kind, Violation};

use super::event::{Event, Exchange, Observed, Phase};
use faults::Faults;
use floor::Floor;
use lag::Lag;
use numbers::Numbers;
use operation_log::OperationLog;

/// No request may take longer, but for the time that its origin was made to stand still.
const LONGEST_WAIT_US: u64 = 30_000_000;

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Responses that a state was read from.
    pub(crate) reads: u64,
    /// Modules' editions that were acknowledged.
    pub(crate) writes: u64,
    pub(crate) handovers: u64,
    pub(crate) faults: u64,
    /// Responses of each status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) unanswered: u64,
    /// 5xx and requests without a response, though nothing was broken that they needed.
    pub(crate) unexplained: u64,
    pub(crate) longest_wait_us: u64,
    /// How long an acknowledged write was not seen, at most: at origins and at edges.
    pub(crate) longest_lag_us: [u64; 2],
    /// Reads by what their caches did.
    pub(crate) tiers: BTreeMap<String, u64>,
    /// Two states under one number, in responses that nobody may store: no violation.
    pub(crate) two_states_unstorable: u64,
    pub(crate) violations: BTreeMap<Kind, u64>,
}

/// The state of the check. Its size is bounded, but for the operations' names.
#[derive(Default)]
pub(crate) struct Checker {
    floors: HashMap<usize, Floor>,
    numbers: Numbers,
    operation_log: OperationLog,
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
        self.operation_log.operations()
    }

    /// What is wrong about `event`, after all that came before.
    pub(crate) fn take(&mut self, event: &Event) -> Vec<Violation> {
        let violations = match event {
            Event::Exchange(exchange) => self.take_exchange(exchange),
            Event::Handover { to, exchange } => {
                self.counts.handovers += 1;
                self.floors.entry(*to).or_default().raise(exchange);
                Vec::new()
            }
            Event::Sending { operations } => {
                self.operation_log.send(operations);
                Vec::new()
            }
            Event::Fault(fault) => {
                self.counts.faults += u64::from(fault.phase == Phase::Begins);
                self.faults.take(fault);
                Vec::new()
            }
            Event::Audit(audit) => self.operation_log.audit(audit),
        };
        for violation in &violations {
            *self.counts.violations.entry(violation.kind).or_default() += violation.times;
        }
        violations
    }

    fn take_exchange(&mut self, exchange: &Arc<Exchange>) -> Vec<Violation> {
        self.count(exchange);
        let mut violations = self.check_service(exchange);
        if let Observed::Foreign { learner, what } = &exchange.observed {
            violations.push(Violation::of(Kind::Crossed, exchange, format!("learner {learner} was given {what}")));
        }
        if let Observed::Refused { what, .. } = &exchange.observed {
            violations.push(Violation::of(Kind::Lost, exchange, format!("a valid operation was refused: {what}")));
        }
        if let Observed::Acknowledged { operations, .. } = &exchange.observed {
            self.operation_log.acknowledge(operations.iter().map(|entry| &entry.operation));
        }
        let floor = self.floors.entry(exchange.session).or_default();
        violations.extend(floor.check(exchange));
        floor.raise(exchange);
        if exchange.is_checked_read() {
            let contradiction = self.numbers.check(exchange);
            match contradiction {
                Some(violation) if exchange.storable => violations.push(violation),
                Some(_) => self.counts.two_states_unstorable += 1,
                None => {}
            }
        }
        violations
    }

    fn count(&mut self, exchange: &Exchange) {
        self.counts.longest_wait_us = self.counts.longest_wait_us.max(self.faults.wait_us(exchange));
        match exchange.status {
            Some(status) => *self.counts.statuses.entry(status).or_default() += 1,
            None => self.counts.unanswered += 1,
        }
        let lag_us = self.lag.take(exchange).unwrap_or_default();
        let [at_origins, at_edges] = &mut self.counts.longest_lag_us;
        let longest_us = if exchange.through_edge { at_edges } else { at_origins };
        *longest_us = lag_us.max(*longest_us);
        if exchange.is_checked_read() {
            self.counts.reads += 1;
            *self.counts.tiers.entry(tier(exchange)).or_default() += 1;
        }
        if matches!(exchange.observed, Observed::Written { .. }) {
            self.counts.writes += 1;
        }
    }

    /// I-UP.
    fn check_service(&mut self, exchange: &Arc<Exchange>) -> Vec<Violation> {
        let mut violations = Vec::new();
        if exchange.status == Some(500) {
            violations.push(Violation::of(Kind::Internal, exchange, "status 500".to_owned()));
        }
        let wait_us = self.faults.wait_us(exchange);
        if wait_us > LONGEST_WAIT_US {
            violations.push(Violation::of(
                Kind::Hung,
                exchange,
                format!("{} s without a response", wait_us / 1_000_000),
            ));
        }
        let failed = exchange.status.is_none_or(|status| status >= 500);
        if failed && !self.faults.explain(exchange) {
            self.counts.unexplained += 1;
        }
        violations
    }
}

/// What the caches did, in the words of `Cache-Status`: `edge hit`, `origin hit memory`, `origin miss`, `origin bypass fenced`.
fn tier(exchange: &Exchange) -> String {
    let member = exchange.cache_status.rsplit(", ").find(|member| member.contains("; hit"));
    let member = member.or_else(|| exchange.cache_status.split(", ").next()).unwrap_or_default();
    let mut parts = member.split("; ");
    let cache = parts.next().unwrap_or_default().trim_start_matches("kairos-");
    let words = parts.filter_map(|part| match part.split_once('=') {
        None if part == "hit" => Some("hit"),
        Some(("fwd" | "detail", what)) => Some(what),
        _ => None,
    });
    [cache].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}
