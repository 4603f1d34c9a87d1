//! Whether the store takes writes. Each look is a write of its own, so however many want to know share one a second. Not here: why
//! a request failed.

use std::sync::Arc;

use kairos_protocol::UnixMillis;
use tokio::sync::Mutex;

use crate::environment::Clock;
use crate::store::HealthStore;

/// How long a look counts.
const PERIOD_MS: u64 = 1_000;

/// The last look.
pub struct Readiness {
    store: Arc<dyn HealthStore>,
    clock: Arc<dyn Clock>,
    /// Locked while a look is under way: whoever comes meanwhile waits for it.
    last: Mutex<Option<Look>>,
}

struct Look {
    at: UnixMillis,
    outcome: Result<(), String>,
}

impl Readiness {
    /// Not looked yet.
    #[must_use]
    pub fn new(store: Arc<dyn HealthStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, last: Mutex::default() }
    }

    /// Whether the store takes writes, as of at most a second ago.
    ///
    /// # Errors
    /// Why it does not, for the log.
    pub async fn check(&self) -> Result<(), String> {
        let now = self.clock.now();
        let mut last = self.last.lock().await;
        if let Some(look) = last.as_ref().filter(|look| look.at.abs_diff(now) < PERIOD_MS) {
            return look.outcome.clone();
        }
        let outcome = self.store.ping().await.map_err(|error| error.to_string());
        *last = Some(Look { at: now, outcome: outcome.clone() });
        outcome
    }
}
