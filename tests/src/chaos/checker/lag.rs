//! How long an acknowledged write stays unseen by those who know nothing of it (I-BOUND). Measured, not checked: what is promised depends on
//! what stands between.

use std::collections::{BTreeMap, VecDeque};

use crate::chaos::event::{Exchange, Observed};

/// Editions of a module that are looked back on.
const MOST_EDITIONS: usize = 2_000;

#[derive(Default)]
pub(super) struct Lag(BTreeMap<usize, VecDeque<Write>>);

struct Write {
    edition: u64,
    acknowledged_us: u64,
}

impl Lag {
    /// Takes in a write; of a read, gives how long before it began a newer edition had been acknowledged.
    pub(super) fn take(&mut self, exchange: &Exchange) -> Option<u64> {
        match &exchange.observed {
            Observed::Written { module, edition } => {
                let writes = self.0.entry(*module).or_default();
                writes.push_back(Write { edition: *edition, acknowledged_us: exchange.ended_us() });
                if writes.len() > MOST_EDITIONS {
                    writes.pop_front();
                }
                None
            }
            Observed::Modules { editions, .. } => editions
                .iter()
                .filter_map(|(module, edition)| {
                    let newer = self.0.get(module)?.iter().find(|write| write.edition > *edition)?;
                    exchange.at_us.checked_sub(newer.acknowledged_us)
                })
                .max(),
            _ => None,
        }
    }
}
