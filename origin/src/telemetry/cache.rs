//! How often reads were answered by which tier, under which policy, and how: for who scrapes metrics, and for admins.

use std::sync::atomic::{AtomicU64, Ordering};

use kairos_protocol::policy::Policy;
use metrics::{Counter, counter};

/// A read that is not stored was answered.
pub fn count_bypass(policy: Policy) {
    series("store", policy, "bypass").increment(1);
}

fn series(tier: &'static str, policy: Policy, result: &'static str) -> Counter {
    counter!("kairos_cache_requests_total", "tier" => tier, "policy" => policy.name(), "result" => result)
}

/// One for each policy, with handles that are made once.
pub struct CacheMetrics(Vec<(Policy, PolicyMetrics)>);

/// How reads of one policy were answered since the process started.
pub struct PolicyMetrics {
    /// From this process's memory.
    pub memory_hits: Counted,
    /// From Redis.
    pub redis_hits: Counted,
    /// By the store.
    pub misses: Counted,
    /// From memory, though it was not current or not fresh.
    pub stale_from_memory: Counted,
    /// The same from Redis.
    pub stale_from_redis: Counted,
}

/// A metric whose value this process can read too.
pub struct Counted {
    total: AtomicU64,
    counter: Counter,
}

impl Counted {
    fn new(counter: Counter) -> Self {
        Self { total: AtomicU64::new(0), counter }
    }

    /// Since the process started.
    pub fn get(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}

impl Default for CacheMetrics {
    fn default() -> Self {
        let metrics = |policy: Policy| PolicyMetrics {
            memory_hits: Counted::new(series("memory", policy, "hit")),
            redis_hits: Counted::new(series("redis", policy, "hit")),
            misses: Counted::new(series("store", policy, "miss")),
            stale_from_memory: Counted::new(series("memory", policy, "stale")),
            stale_from_redis: Counted::new(series("redis", policy, "stale")),
        };
        Self(Policy::stored().map(|policy| (policy, metrics(policy))).collect())
    }
}

impl CacheMetrics {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &(Policy, PolicyMetrics)> {
        self.0.iter()
    }

    /// One more of what `which` says.
    pub fn add(&self, policy: Policy, which: impl FnOnce(&PolicyMetrics) -> &Counted) {
        if let Some((_, metrics)) = self.0.iter().find(|(one, _)| *one == policy) {
            let counted = which(metrics);
            counted.total.fetch_add(1, Ordering::Relaxed);
            counted.counter.increment(1);
        }
    }
}
