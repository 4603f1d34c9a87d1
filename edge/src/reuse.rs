//! Whether a stored response may be used for a request, and whether it may be served stale because the origin failed (I-SESSION,
//! I-UP). Pure; not whether a response may be stored ([`crate::storability`]).

use kairos_protocol::UnixMillis;
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::cache_status::Forward;
use kairos_protocol::http::freshness::{self, Freshness};
use kairos_protocol::sync::generation::Generations;

use crate::order::is_as_new_as;
use crate::request::CacheRequest;
use crate::stored_response::StoredResponse;

/// What to do with a request that a stored response may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// Serve the stored response.
    Hit {
        /// Seconds until it is stale.
        ttl_secs: i64,
    },
    /// Forward the request to the origin.
    Forward(Forward),
    /// It would have to be forwarded, and the caller forbids that (RFC 9111 §5.2.1.7).
    NotCached,
}

/// Decides about the response stored for `request`, if there is one; the caller has seen `reported`.
#[must_use]
pub fn evaluate(
    stored: Option<&StoredResponse>,
    request: &CacheRequest,
    reported: &Generations,
    now: UnixMillis,
) -> Reuse {
    let directives = request.cache_control();
    match reuse(stored, &directives, reported, now) {
        Reuse::Forward(_) if directives.only_if_cached => Reuse::NotCached,
        reuse => reuse,
    }
}

fn reuse(stored: Option<&StoredResponse>, request: &CacheControl, reported: &Generations, now: UnixMillis) -> Reuse {
    let Some((stored, lifetime)) = stored.and_then(|stored| Some((stored, stored.lifetime()?))) else {
        return Reuse::Forward(Forward::UriMiss);
    };
    if !is_as_new_as(stored, reported, now) {
        return Reuse::Forward(Forward::Stale);
    }
    let age_secs = stored.age_secs(now);
    match freshness::evaluate(age_secs, lifetime, request) {
        Freshness::Fresh { ttl_secs } => Reuse::Hit { ttl_secs: i64::from(ttl_secs) },
        _ if age_secs < lifetime.fresh_secs => Reuse::Forward(Forward::Request),
        // No policy gives the edge a lifetime for revalidation in the background: the caller waits for the origin.
        Freshness::StaleWhileRevalidate | Freshness::StaleIfError | Freshness::Expired => {
            Reuse::Forward(Forward::Stale)
        }
    }
}

/// Whether the `stored` response may be served although the origin could not confirm it: within its lifetime (RFC 5861 §4), and
/// never older than what the caller has seen. Gives the seconds until it is stale: mostly negative.
#[must_use]
pub fn serve_stale_if_error(stored: &StoredResponse, reported: &Generations, now: UnixMillis) -> Option<i64> {
    let lifetime = stored.lifetime()?;
    let age_secs = stored.age_secs(now);
    let may_be_stale = age_secs < lifetime.fresh_secs.saturating_add(lifetime.stale_if_error_secs);
    (may_be_stale && is_as_new_as(stored, reported, now)).then(|| i64::from(lifetime.fresh_secs) - i64::from(age_secs))
}
