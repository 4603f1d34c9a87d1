//! How often reads were answered by which tier, under which policy, and how.

use kairos_protocol::policy::Policy;
use metrics::{Counter, counter};

/// One request answered.
pub fn count(tier: &'static str, policy: Policy, result: &'static str) {
    series(tier, policy, result).increment(1);
}

fn series(tier: &'static str, policy: Policy, result: &'static str) -> Counter {
    counter!("kairos_cache_requests_total", "tier" => tier, "policy" => policy.name(), "result" => result)
}

/// The handles of what is counted most.
pub struct CacheMetrics {
    memory_hits: Vec<(Policy, Counter)>,
}

impl Default for CacheMetrics {
    fn default() -> Self {
        Self { memory_hits: Policy::ALL.iter().map(|policy| (*policy, series("memory", *policy, "hit"))).collect() }
    }
}

impl CacheMetrics {
    /// A stored response in memory was served.
    pub fn memory_hit(&self, policy: Policy) {
        if let Some((_, hits)) = self.memory_hits.iter().find(|(one, _)| *one == policy) {
            hits.increment(1);
        }
    }
}
