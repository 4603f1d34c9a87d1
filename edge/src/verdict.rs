//! Whether a stored copy may be used for a request, and whether it may stand in for a failed origin (I-SESSION, I-UP). Pure;
//! not whether an answer may be stored ([`crate::admission`]).

use kairos_protocol::UnixMillis;
use kairos_protocol::cache_control::CacheControl;
use kairos_protocol::cache_status::Forward;
use kairos_protocol::freshness::{Freshness, judge};
use kairos_protocol::generation::Generations;

use crate::order::is_as_new_as;
use crate::route::Question;
use crate::stored::StoredAnswer;

/// What to do with a request that the store may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Answer from the copy.
    Hit {
        /// Seconds until it is stale.
        ttl_secs: i64,
    },
    /// Ask the origin.
    Ask(Forward),
    /// It would have to be asked, and the caller forbids it (RFC 9111 §5.2.1.7).
    NotCached,
}

/// Judges the copy found for `question`, if there is one; the caller has seen `claims`.
#[must_use]
pub fn judge_copy(copy: Option<&StoredAnswer>, question: &Question, claims: &Generations, now: UnixMillis) -> Verdict {
    let directives = question.cache_control();
    match reuse(copy, &directives, claims, now) {
        Verdict::Ask(_) if directives.only_if_cached => Verdict::NotCached,
        verdict => verdict,
    }
}

fn reuse(copy: Option<&StoredAnswer>, directives: &CacheControl, claims: &Generations, now: UnixMillis) -> Verdict {
    let Some((copy, window)) = copy.and_then(|copy| Some((copy, copy.window()?))) else {
        return Verdict::Ask(Forward::UriMiss);
    };
    if !is_as_new_as(copy, claims, now) {
        return Verdict::Ask(Forward::Stale);
    }
    let age_secs = copy.age_secs(now);
    match judge(age_secs, window, directives) {
        Freshness::Fresh { ttl_secs } => Verdict::Hit { ttl_secs: i64::from(ttl_secs) },
        _ if age_secs < window.fresh_secs => Verdict::Ask(Forward::Request),
        // No policy gives the edge a window for revalidation in the background: the caller waits for the origin.
        Freshness::StaleWhileRevalidate | Freshness::StaleIfError | Freshness::Expired => Verdict::Ask(Forward::Stale),
    }
}

/// Whether `copy` may be given out although the origin could not confirm it: within its window (RFC 5861 §4), and never older
/// than what the caller has seen. Gives the seconds until it is stale: mostly negative.
#[must_use]
pub fn stands_in(copy: &StoredAnswer, claims: &Generations, now: UnixMillis) -> Option<i64> {
    let window = copy.window()?;
    let age_secs = copy.age_secs(now);
    let in_window = age_secs < window.fresh_secs.saturating_add(window.stale_if_error_secs);
    (in_window && is_as_new_as(copy, claims, now)).then(|| i64::from(window.fresh_secs) - i64::from(age_secs))
}
