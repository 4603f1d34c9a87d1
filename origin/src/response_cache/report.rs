//! What is stored, and how reads were answered, for admins. Reads only: nothing counts as a use. Not here: the counting
//! ([`crate::telemetry::cache`]).

use kairos_protocol::api::cache::{MemoryReport, PathReport, PolicyReport, Tier, TierReport};
use kairos_protocol::http::encoding::Encoding;
use kairos_protocol::policy::Policy;

use super::lookup::Lookup;
use super::stored_response::StoredResponse;
use super::{ResponseCache, reuse};
use crate::telemetry::cache::PolicyMetrics;

impl ResponseCache {
    /// What this process stores.
    #[must_use]
    pub fn memory_report(&self) -> MemoryReport {
        self.inner.tiers.memory_report()
    }

    /// How reads were answered here.
    #[must_use]
    pub fn policy_reports(&self) -> Vec<PolicyReport> {
        let report = |(policy, metrics): &(Policy, PolicyMetrics)| PolicyReport {
            policy: policy.name().to_owned(),
            tags: policy.tags().into_iter().map(str::to_owned).collect(),
            memory_hits: metrics.memory_hits.get(),
            redis_hits: metrics.redis_hits.get(),
            misses: metrics.misses.get(),
            stale: metrics.stale_from_memory.get() + metrics.stale_from_redis.get(),
        };
        self.inner.metrics.all().map(report).collect()
    }

    /// What is stored for `lookup`, here and in Redis, if that is reached in time.
    pub async fn report_of(&self, lookup: &Lookup) -> PathReport {
        let inner = &self.inner;
        let key = inner.key_of(lookup);
        let namespaces = lookup.policy.namespaces(lookup.subject.as_ref());
        let current = inner.cache.current_if_known(&namespaces, &lookup.request.reported).await;
        let (here, shared) = (inner.tiers.peek(&key), inner.tiers.load_shared(&key).await);
        let here = here.map(|stored| self.tier_report(Tier::Memory, lookup, &stored));
        let shared = shared.map(|stored| self.tier_report(Tier::Redis, lookup, &stored));
        PathReport {
            target: lookup.key.clone(),
            policy: lookup.policy.name().to_owned(),
            current: current.map(|numbers| numbers.to_string()),
            tiers: here.into_iter().chain(shared).collect(),
        }
    }

    fn tier_report(&self, tier: Tier, lookup: &Lookup, stored: &StoredResponse) -> TierReport {
        let (metadata, now) = (&stored.metadata, self.inner.environment.now());
        let encoded = stored.body.encoded.iter().map(|(coding, _)| *coding);
        let codings = std::iter::once(Encoding::Identity).chain(encoded);
        TierReport {
            tier,
            generations: metadata.generations.to_string(),
            module_generation: metadata.module.map(|number| number.get()),
            age_secs: now.saturating_sub(metadata.generated_at) / 1_000,
            fresh_for_secs: reuse::ttl_secs(metadata, lookup.policy.at_origin(), now),
            bytes: stored.body.total_bytes() as u64,
            codings: codings.map(|coding| coding.token().to_owned()).collect(),
        }
    }
}
