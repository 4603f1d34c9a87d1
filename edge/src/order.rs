//! Which of two states is the newer: what a caller reports to have seen against a stored response, and a stored response against
//! the origin's (I-SESSION). Pure. Not how old a response is: that is its age ([`crate::stored_response`]).
//!
//! Generations are the order as long as they can be true, which is to say that they are not ahead of the edge's clock by more
//! than [`AHEAD_MS`] at the moment of the request. Where they are, a clock was wrong at the origin, and the edge goes by its own:
//! what was requested later is the newer (RFC 9111 §4). So no stored response wins for ever because its number is large.

use kairos_protocol::UnixMillis;
use kairos_protocol::api::headers;
use kairos_protocol::policy::{Policy, Sharing};
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};

use crate::request::CacheRequest;
use crate::stored_response::StoredResponse;

/// How far a generation may be ahead of the edge's clock: clocks differ. The origin allows as much.
pub const AHEAD_MS: UnixMillis = 60_000;

/// The generations that a caller reports to have seen (`Kairos-Min-Gen`), as far as they can be true and the response depends on
/// them; no others make the edge forward a request, or are sent along with it. A number can be true up to [`AHEAD_MS`] ahead of the
/// clock, or of the number that the origin itself gave `stored`: its numbers run ahead for a while after its clock was set back.
#[must_use]
pub fn reported_generations(request: &CacheRequest, stored: Option<&StoredResponse>, now: UnixMillis) -> Generations {
    let reported = request.fields.get(headers::KAIROS_MIN_GEN).unwrap_or_default();
    if reported.split(',').count() > Generations::MAX_NAMESPACES {
        return Generations::default();
    }
    let policy = Policy::of_path(&request.path);
    let known = stored.map(StoredResponse::generations).unwrap_or_default();
    let is_plausible = |namespace: &Namespace, reported: Generation| {
        let number = known.get(namespace).unwrap_or_default().max(Generation::at(now));
        reported <= ahead_of(number)
    };
    let reported = Generations::parse(reported);
    let believed =
        reported.iter().filter(|(namespace, number)| matters(policy, namespace) && is_plausible(namespace, *number));
    believed.map(|(namespace, number)| (namespace.clone(), number)).collect()
}

fn ahead_of(number: Generation) -> Generation {
    let ahead = u64::try_from(AHEAD_MS).unwrap_or_default().saturating_mul(Generation::PER_MILLI);
    Generation::new(number.get().saturating_add(ahead))
}

/// Whether a response of `policy` may depend on `namespace`. Whose data a learner's is, the edge cannot know.
fn matters(policy: Policy, namespace: &Namespace) -> bool {
    match policy.sharing() {
        Sharing::Everyone => policy.namespaces(None).contains(namespace),
        Sharing::Subject => matches!(namespace, Namespace::User(_)),
        Sharing::Nobody => false,
    }
}

/// Whether `stored` is as new as what its caller has seen: made from generations as high, and not requested before the moment that
/// a reported generation names, whatever its own number. Only what is far ahead of the clock (see [`reported_generations`]) names
/// no moment.
#[must_use]
pub fn is_as_new_as(stored: &StoredResponse, reported: &Generations, now: UnixMillis) -> bool {
    let (requested_at, horizon) = (Generation::at(stored.requested_at_ms()), ahead_of(Generation::at(now)));
    let was_requested_later = |number: Generation| number <= requested_at || number > horizon;
    stored.generations().satisfies(reported) && reported.iter().all(|(_, number)| was_requested_later(number))
}

/// Whether `response` is older than what its caller has seen, as far as that can be true beside the number that the origin gives
/// now.
#[must_use]
pub fn is_older_than_seen(response: &StoredResponse, request: &CacheRequest, now: UnixMillis) -> bool {
    !response.generations().satisfies(&reported_generations(request, Some(response), now))
}

/// Whether `stored` is newer than `response` and stays in its place. A higher generation alone counts for as long as what is stored
/// is fresh, longer than any response is on its way; after that the origin is believed.
#[must_use]
pub fn supersedes(stored: &StoredResponse, response: &StoredResponse, now: UnixMillis) -> bool {
    if stored.age_secs(now) == u32::MAX {
        return false;
    }
    let (had, came) = (stored.generations(), response.generations());
    let was_requested_later = stored.requested_at_ms() > response.requested_at_ms();
    if !numbers_are_plausible(stored) || !numbers_are_plausible(response) || had == came {
        return was_requested_later;
    }
    !came.satisfies(&had) && (stored.is_fresh(now) || was_requested_later)
}

fn numbers_are_plausible(response: &StoredResponse) -> bool {
    let horizon = ahead_of(Generation::at(response.requested_at_ms()));
    response.generations().iter().all(|(_, number)| number <= horizon)
}
