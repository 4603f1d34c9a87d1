//! Whose turn it is to load what several instances miss at the same moment: who gets the lease loads, and the others wait a moment for
//! what it stores in Redis. Without Redis, or where it fails, everybody loads. Not here: the load.
//!
//! Only for what everyone shares. A learner's own responses are missed by one instance at a time, as a rule: the round trip would
//! cost each of these misses more than it ever spares the store. Nor for who wants a young one, which another's may not be for long. (A
//! hit never gets here, and neither does a response that Redis has.)

use std::sync::Arc;
use std::time::Duration;

use kairos_protocol::http::cache_status::Forward;
use kairos_protocol::policy::Sharing;
use tokio::time::{Instant, sleep};

use super::miss::Miss;
use super::stored_response::StoredResponse;
use super::tiers::Tiers;
use crate::cache::{Lease, LeaseAttempt};

/// How long one waits for another instance's load; then one loads as well.
const LEASE_WAIT: Duration = Duration::from_millis(200);
/// How often one looks meanwhile.
const LEASE_PAUSE: Duration = Duration::from_millis(20);

/// What to do about a miss.
pub(super) enum Leased {
    /// Use what another instance stored.
    Shared(Arc<StoredResponse>),
    /// Load it, under a lease if there is one.
    Load(Option<Lease>),
}

/// Takes the lease on what is missed, or waits for who has it. What Redis had so far, if anything, is `unusable`.
pub(super) async fn take_lease(tiers: &Tiers, miss: &Miss, mut unusable: Option<StoredResponse>) -> Leased {
    if !is_leased(miss) {
        return Leased::Load(None);
    }
    // Whoever misses another state does not wait for this one.
    let name = format!("{} {}", miss.key, miss.current);
    let due = Instant::now() + LEASE_WAIT;
    loop {
        let Some(LeaseAttempt { lease, response }) = tiers.lease(&name, &miss.key, unusable.as_ref()).await else {
            return Leased::Load(None);
        };
        if let Some(stored) = response.and_then(StoredResponse::from_bytes) {
            if miss.may_use(&stored) {
                count(miss, "shared");
                return Leased::Shared(Arc::new(stored));
            }
            unusable = Some(stored);
        }
        if lease.is_some() {
            count(miss, "taken");
            return Leased::Load(lease);
        }
        if Instant::now() + LEASE_PAUSE > due {
            count(miss, "waited");
            return Leased::Load(None);
        }
        sleep(LEASE_PAUSE).await;
    }
}

fn is_leased(miss: &Miss) -> bool {
    let is_for_everyone = miss.lookup.policy.sharing() == Sharing::Everyone;
    is_for_everyone && miss.reason != Forward::Request && miss.lookup.request.cache_control.max_age.is_none()
}

/// One miss of what is leased: `taken` and loaded here, `shared` by another instance, or `waited` for in vain.
fn count(miss: &Miss, result: &'static str) {
    let policy = miss.lookup.policy.name();
    metrics::counter!("kairos_cache_leases_total", "policy" => policy, "result" => result).increment(1);
}
