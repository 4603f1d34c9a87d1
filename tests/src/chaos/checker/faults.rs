//! Which faults were on when: what a failed request or a long wait may be put down to. Not whether a response is right: no fault
//! excuses an older one.

use std::collections::VecDeque;

use crate::chaos::event::{Exchange, FaultEvent, Phase};
use crate::chaos::options::FaultKind;
use crate::chaos::schedule::Fault;

/// How long after a fault requests may still fail for it: an election, a restart, a breaker.
const AFTERMATH_US: u64 = 20_000_000;
/// Faults that are looked back on.
const MOST_FAULTS: usize = 500;

#[derive(Default)]
pub(super) struct Faults(VecDeque<Window>);

struct Window {
    fault: Fault,
    began_us: u64,
    /// [`u64::MAX`] while it lasts.
    ended_us: u64,
}

impl Faults {
    pub(super) fn take(&mut self, event: &FaultEvent) {
        match event.phase {
            Phase::Begins => {
                let window = Window { fault: event.fault.clone(), began_us: event.at_us, ended_us: u64::MAX };
                self.0.push_back(window);
                if self.0.len() > MOST_FAULTS {
                    self.0.pop_front();
                }
            }
            Phase::Ends => {
                let begun = self.0.iter_mut().rev().find(|window| window.fault == event.fault);
                begun.into_iter().for_each(|window| window.ended_us = event.at_us);
            }
        }
    }

    /// How long `exchange` took, without the time that its origin was made to stand still.
    pub(super) fn wait_us(&self, exchange: &Exchange) -> u64 {
        let stood_still = self.0.iter().filter(|w| w.fault.stops_origin() == Some(exchange.origin)).map(|window| {
            let ended_us = window.ended_us.min(exchange.ended_us());
            ended_us.saturating_sub(window.began_us.max(exchange.at_us))
        });
        exchange.took_us.saturating_sub(stood_still.sum())
    }

    /// Whether something that `exchange` needs was broken at the time, or shortly before.
    pub(super) fn explain(&self, exchange: &Exchange) -> bool {
        self.0.iter().any(|window| {
            let fault = &window.fault;
            let concerns = fault.stops_store()
                || fault.stops_origin() == Some(exchange.origin)
                || fault.kind == FaultKind::Clock && fault.origin == exchange.origin;
            concerns
                && window.began_us <= exchange.ended_us()
                && window.ended_us.saturating_add(AFTERMATH_US) >= exchange.at_us
        })
    }
}
