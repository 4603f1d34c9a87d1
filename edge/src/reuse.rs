//! Whether a stored copy may be used for a request, and whether it may stand in for a failed origin (I-SESSION, I-UP). Pure;
//! not whether an answer may be stored ([`crate::storability`]).

use kairos_protocol::UnixMillis;
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::cache_status::Forward;
use kairos_protocol::http::freshness::{self, Freshness};
use kairos_protocol::sync::generation::Generations;

use crate::order::is_as_new_as;
use crate::route::CacheRequest;
use crate::stored_response::StoredResponse;

/// What to do with a request that the store may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// OriginResponse from the copy.
    Hit {
        /// Seconds until it is stale.
        ttl_secs: i64,
    },
    /// Ask the origin.
    Ask(Forward),
    /// It would have to be asked, and the caller forbids it (RFC 9111 §5.2.1.7).
    NotCached,
}

/// Judges the copy found for `request`, if there is one; the caller has seen `reported`.
#[must_use]
pub fn evaluate(
    copy: Option<&StoredResponse>,
    request: &CacheRequest,
    reported: &Generations,
    now: UnixMillis,
) -> Reuse {
    let directives = request.cache_control();
    match reuse(copy, &directives, reported, now) {
        Reuse::Ask(_) if directives.only_if_cached => Reuse::NotCached,
        reuse => reuse,
    }
}

fn reuse(copy: Option<&StoredResponse>, directives: &CacheControl, reported: &Generations, now: UnixMillis) -> Reuse {
    let Some((copy, lifetime)) = copy.and_then(|copy| Some((copy, copy.lifetime()?))) else {
        return Reuse::Ask(Forward::UriMiss);
    };
    if !is_as_new_as(copy, reported, now) {
        return Reuse::Ask(Forward::Stale);
    }
    let age_secs = copy.age_secs(now);
    match freshness::evaluate(age_secs, lifetime, directives) {
        Freshness::Fresh { ttl_secs } => Reuse::Hit { ttl_secs: i64::from(ttl_secs) },
        _ if age_secs < lifetime.fresh_secs => Reuse::Ask(Forward::Request),
        // No policy gives the edge a lifetime for revalidation in the background: the caller waits for the origin.
        Freshness::StaleWhileRevalidate | Freshness::StaleIfError | Freshness::Expired => Reuse::Ask(Forward::Stale),
    }
}

/// Whether `copy` may be given out although the origin could not confirm it: within its lifetime (RFC 5861 §4), and never older
/// than what the caller has seen. Gives the seconds until it is stale: mostly negative.
#[must_use]
pub fn serve_stale_if_error(copy: &StoredResponse, reported: &Generations, now: UnixMillis) -> Option<i64> {
    let lifetime = copy.lifetime()?;
    let age_secs = copy.age_secs(now);
    let in_window = age_secs < lifetime.fresh_secs.saturating_add(lifetime.stale_if_error_secs);
    (in_window && is_as_new_as(copy, reported, now)).then(|| i64::from(lifetime.fresh_secs) - i64::from(age_secs))
}
