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
    memory: Hits,
    redis: Hits,
}

struct Hits(Vec<(Policy, Counter)>);

impl Hits {
    fn of(tier: &'static str) -> Self {
        Self(Policy::ALL.iter().map(|policy| (*policy, series(tier, *policy, "hit"))).collect())
    }

    fn count(&self, policy: Policy) {
        if let Some((_, hits)) = self.0.iter().find(|(one, _)| *one == policy) {
            hits.increment(1);
        }
    }
}

impl Default for CacheMetrics {
    fn default() -> Self {
        Self { memory: Hits::of("memory"), redis: Hits::of("redis") }
    }
}

impl CacheMetrics {
    /// A stored response in memory was served.
    pub fn memory_hit(&self, policy: Policy) {
        self.memory.count(policy);
    }

    /// A stored response in Redis was served, before it was routed.
    pub fn redis_hit(&self, policy: Policy) {
        self.redis.count(policy);
    }
}
