//! Whether a stored response may be used for a read, and why not (RFC 9111 §4, RFC 9211 §2.2); and whether a stale one may be
//! served because the store is down (RFC 5861 §4) or slow. Pure: no clock, no look-up. Not whether a response may be stored
//! ([`Lookup`](super::lookup::Lookup)).

use kairos_protocol::UnixMillis;
use kairos_protocol::http::cache_status::Forward;
use kairos_protocol::http::freshness::{self, Freshness, FreshnessLifetime};
use kairos_protocol::sync::generation::Generations;

use super::lookup::CacheRequest;
use super::stored_response::Metadata;

#[cfg(test)]
mod tests;

/// What to do for a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    /// Serve the stored response: it shows the current state, and is fresh.
    Hit {
        /// Seconds until it is stale.
        ttl_secs: u32,
    },
    /// Serve the stored response: it shows the current state, but is not fresh any more; and load it anew behind that (RFC 5861 §3).
    StaleWhileRevalidate,
    /// Look into the next tier, in the end the store.
    Forward(Forward),
}

impl Reuse {
    /// Whether the stored response is used.
    pub(super) const fn is_hit(self) -> bool {
        matches!(self, Self::Hit { .. })
    }
}

/// Decides about what a tier has `stored` for `request`, when `current` are the generations of the data.
///
/// It is used only if it was made from exactly those: whatever else is true of it, another number names another state. There is nothing
/// in between to validate it with: what is not current, not fresh, or not young enough for the caller, is generated anew.
pub(super) fn evaluate(
    stored: &Metadata,
    request: &CacheRequest,
    lifetime: FreshnessLifetime,
    current: &Generations,
    now: UnixMillis,
) -> Reuse {
    match freshness(stored, request, lifetime, now) {
        _ if stored.generations != *current => Reuse::Forward(why_forwarded(Some(stored), request)),
        Freshness::Fresh { ttl_secs } => Reuse::Hit { ttl_secs },
        Freshness::StaleWhileRevalidate if !wants_new(request) => Reuse::StaleWhileRevalidate,
        _ => Reuse::Forward(why_forwarded(Some(stored), request)),
    }
}

/// Why `request` is not served what is `stored`, if anything is.
pub(super) const fn why_forwarded(stored: Option<&Metadata>, request: &CacheRequest) -> Forward {
    match stored {
        _ if wants_new(request) => Forward::Request,
        Some(_) => Forward::Stale,
        None => Forward::UriMiss,
    }
}

/// Whether `stored` may be served because the store is down, marked as degraded: if it is not older than what the caller has
/// reported (I-SESSION), nor than its policy lets it be then. Gives the seconds until it is stale, at most 0: it may be younger than
/// its lifetime and yet not be current.
pub(super) fn serve_stale_if_error(
    stored: &Metadata,
    request: &CacheRequest,
    lifetime: FreshnessLifetime,
    now: UnixMillis,
) -> Option<i64> {
    let is_expired = freshness(stored, request, lifetime, now) == Freshness::Expired;
    let may_be_served = stored.generations.satisfies(&request.reported) && !is_expired;
    may_be_served.then(|| ttl_secs(stored, lifetime, now).min(0))
}

/// Whether `stored` may be served because the store is slow, marked as degraded: as when it is down, but not to a caller that wants
/// something new or young; that waits. Gives the seconds until it is stale, at most 0.
pub(super) fn serve_stale_if_slow(
    stored: &Metadata,
    request: &CacheRequest,
    lifetime: FreshnessLifetime,
    now: UnixMillis,
) -> Option<i64> {
    let directives = &request.cache_control;
    let takes_stale = !directives.no_cache && directives.max_age.is_none();
    takes_stale.then(|| serve_stale_if_error(stored, request, lifetime, now)).flatten()
}

/// Seconds until `stored` is stale; negative once it is.
pub(super) fn ttl_secs(stored: &Metadata, lifetime: FreshnessLifetime, now: UnixMillis) -> i64 {
    i64::from(lifetime.fresh_secs) - i64::from(age_secs(stored, now))
}

/// What lies in the future was generated before the clock was set back: nobody knows how old it is.
fn freshness(stored: &Metadata, request: &CacheRequest, lifetime: FreshnessLifetime, now: UnixMillis) -> Freshness {
    if stored.generated_at > now {
        return Freshness::Expired;
    }
    freshness::evaluate(age_secs(stored, now), lifetime, &request.cache_control)
}

fn age_secs(stored: &Metadata, now: UnixMillis) -> u32 {
    freshness::age_secs(stored.generated_at, 0, now)
}

/// Whether the caller takes nothing that was stored before, as far as that needs a look: what is in memory and fresh is given also
/// to `no-store`, which is about storing (RFC 9111 §5.2.1.5).
const fn wants_new(request: &CacheRequest) -> bool {
    request.cache_control.no_cache || request.cache_control.no_store
}
