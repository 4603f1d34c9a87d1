//! Where stored responses are: in this process's memory, and in Redis for all instances. Not here: whether one may be used.

use std::sync::Arc;

use kairos_protocol::api::cache::MemoryReport;
use kairos_protocol::http::freshness::FreshnessLifetime;
use kairos_protocol::policy::Policy;
use kairos_protocol::sync::generation::{Generations, Namespace};

use super::stored_response::StoredResponse;
use crate::cache::{Cache, Lease, LeaseAttempt};

/// Guesses how many responses fit, for the first allocation only.
const TYPICAL_RESPONSE_BYTES: u64 = 16 * 1024;

/// Both tiers.
pub(super) struct Tiers {
    memory: quick_cache::sync::Cache<Arc<str>, Arc<StoredResponse>, ByWeight>,
    cache: Cache,
}

#[derive(Clone)]
struct ByWeight;

impl quick_cache::Weighter<Arc<str>, Arc<StoredResponse>> for ByWeight {
    fn weight(&self, key: &Arc<str>, response: &Arc<StoredResponse>) -> u64 {
        (response.weight_bytes() + key.len()) as u64
    }
}

impl Tiers {
    /// Shows in metrics how much memory has.
    pub(super) fn report(&self) {
        metrics::gauge!("kairos_memory_cache_bytes").set(self.memory.weight() as f64);
        metrics::gauge!("kairos_memory_cache_entries").set(self.memory.len() as f64);
    }

    /// Up to `capacity_bytes` in memory, and what `cache` shares.
    pub(super) fn new(cache: Cache, capacity_bytes: u64) -> Self {
        let items = usize::try_from(capacity_bytes / TYPICAL_RESPONSE_BYTES).unwrap_or(usize::MAX).max(16);
        Self { memory: quick_cache::sync::Cache::with_weighter(items, capacity_bytes, ByWeight), cache }
    }

    /// Whether memory has nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.memory.is_empty()
    }

    /// What memory has under `key`.
    pub(super) fn get(&self, key: &str) -> Option<Arc<StoredResponse>> {
        self.memory.get(key)
    }

    /// The same, without counting as a use.
    pub(super) fn peek(&self, key: &str) -> Option<Arc<StoredResponse>> {
        self.memory.peek(key)
    }

    /// Lets go of all that is stored under `policy` in memory. Nobody finds it any more.
    pub(super) fn drop_all_of(&self, policy: Policy) {
        self.memory.retain(|key, _| key.split(' ').next() != Some(policy.name()));
    }

    /// How much is in memory.
    pub(super) fn memory_report(&self) -> MemoryReport {
        let (entries, bytes) = (self.memory.len() as u64, self.memory.weight());
        MemoryReport { entries, bytes, capacity_bytes: self.memory.capacity() }
    }

    /// What Redis has under `key`; nothing when it is not reached in time.
    pub(super) async fn load_shared(&self, key: &str) -> Option<StoredResponse> {
        self.cache.load(key).await.and_then(StoredResponse::from_bytes)
    }

    /// The current numbers of `namespaces`, and what Redis has under `key`: [`Cache::read_shared`].
    pub(super) async fn read_shared(
        &self,
        key: &str,
        namespaces: &[Namespace],
        reported: &Generations,
    ) -> Option<(Generations, Option<StoredResponse>)> {
        let (numbers, response) = self.cache.read_shared(key, namespaces, reported).await?;
        Some((numbers, response.and_then(StoredResponse::from_bytes)))
    }

    /// Puts `response` into memory, unless what is there is newer.
    pub(super) fn promote(&self, key: &Arc<str>, response: &Arc<StoredResponse>) {
        let is_newest = |there: Arc<StoredResponse>| {
            let (ours, theirs) = (&response.metadata.generations, &there.metadata.generations);
            ours.satisfies(theirs)
        };
        if self.memory.peek(&**key).is_none_or(is_newest) {
            self.memory.insert(Arc::clone(key), Arc::clone(response));
        }
    }

    /// Tries to take the lease named `name` on loading what is under `key`, of which Redis had `seen`.
    pub(super) async fn lease(&self, name: &str, key: &str, seen: Option<&StoredResponse>) -> Option<LeaseAttempt> {
        let head = seen.map(|seen| seen.metadata.head()).unwrap_or_default();
        self.cache.lease(name, key, &head).await
    }

    /// Puts `response` into memory, and soon after into Redis for as long as `lifetime` lets it be used at all. Then a `lease` on
    /// it is given back.
    pub(super) fn store(
        &self,
        key: &Arc<str>,
        response: &Arc<StoredResponse>,
        lifetime: FreshnessLifetime,
        lease: Option<Lease>,
    ) {
        self.promote(key, response);
        let ttl_secs = lifetime.fresh_secs.saturating_add(lifetime.stale_if_error_secs);
        self.cache.store(key, || response.to_bytes(), ttl_secs, lease);
    }
}
