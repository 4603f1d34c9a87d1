//! How reads were answered, counted for admins (`report`). What goes to who scrapes metrics is counted elsewhere
//! ([`crate::telemetry::cache`]).

use std::sync::atomic::{AtomicU64, Ordering};

use kairos_protocol::policy::Policy;

/// How reads of one policy were answered since the process started.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) memory_hits: AtomicU64,
    pub(super) redis_hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) stale: AtomicU64,
}

/// One for each policy.
pub(super) struct Tallies(Vec<(Policy, Tally)>);

impl Default for Tallies {
    fn default() -> Self {
        Self(Policy::stored().map(|policy| (policy, Tally::default())).collect())
    }
}

impl Tallies {
    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &(Policy, Tally)> {
        self.0.iter()
    }

    /// One more of what `which` says.
    pub(super) fn add(&self, policy: Policy, which: impl FnOnce(&Tally) -> &AtomicU64) {
        if let Some((_, tally)) = self.0.iter().find(|(one, _)| *one == policy) {
            which(tally).fetch_add(1, Ordering::Relaxed);
        }
    }
}
