//! Which of two states is the newer: what a caller reported to have seen against a copy, and a copy against an answer (I-SESSION).
//! Pure. Not how old a copy is: that is its age ([`crate::stored_response`]).
//!
//! Generations are the order as long as they can be true, which is to say that they are not ahead of the edge's clock by more
//! than [`AHEAD_MS`] at the moment of asking. Where they are, a clock was wrong at the origin, and the edge goes by its own:
//! what was asked for later is the newer (RFC 9111 §4). So no copy wins for ever because its number is large.

use kairos_protocol::UnixMillis;
use kairos_protocol::api::headers;
use kairos_protocol::policy::{Policy, Sharing};
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};

use crate::route::CacheRequest;
use crate::stored_response::StoredResponse;

/// How far a generation may be ahead of the edge's clock: clocks differ. The origin allows as much.
pub const AHEAD_MS: UnixMillis = 60_000;

/// What a caller reported to have seen (`Kairos-Min-Gen`), as far as it can be true and the answer depends on it; nothing else
/// makes the edge ask, or is passed on. A number can be true up to [`AHEAD_MS`] ahead of the clock, or of the number that the
/// origin itself gave `copy`: its numbers run ahead for a while after its clock was set back.
#[must_use]
pub fn reported_generations(request: &CacheRequest, copy: Option<&StoredResponse>, now: UnixMillis) -> Generations {
    let reported = request.fields.get(headers::KAIROS_MIN_GEN).unwrap_or_default();
    if reported.split(',').count() > Generations::MAX_NAMESPACES {
        return Generations::default();
    }
    let policy = Policy::of_path(&request.path);
    let known = copy.map(StoredResponse::generations).unwrap_or_default();
    let is_plausible = |namespace: &Namespace, report: Generation| {
        let number = known.get(namespace).unwrap_or_default().max(Generation::at(now));
        report <= ahead_of(number)
    };
    let reported = Generations::parse(reported);
    let members =
        reported.iter().filter(|(namespace, report)| matters(policy, namespace) && is_plausible(namespace, *report));
    members.map(|(namespace, report)| (namespace.clone(), report)).collect()
}

fn ahead_of(number: Generation) -> Generation {
    let ahead = u64::try_from(AHEAD_MS).unwrap_or_default().saturating_mul(Generation::PER_MILLI);
    Generation::new(number.get().saturating_add(ahead))
}

/// Whether an answer of `policy` may depend on `namespace`. Whose data a learner's is, the edge cannot know.
fn matters(policy: Policy, namespace: &Namespace) -> bool {
    match policy.sharing() {
        Sharing::Everyone => policy.namespaces(None).contains(namespace),
        Sharing::Subject => matches!(namespace, Namespace::User(_)),
        Sharing::Nobody => false,
    }
}

/// Whether `copy` is as new as what its caller has seen: made from generations as high, and not asked for before the moment
/// that a report names, whatever its own number. Only reported that are far ahead of the clock (see [`reported_generations`]) name no moment.
#[must_use]
pub fn is_as_new_as(copy: &StoredResponse, reported: &Generations, now: UnixMillis) -> bool {
    let (asked_at, horizon) = (Generation::at(copy.asked_at_ms()), ahead_of(Generation::at(now)));
    copy.generations().satisfies(reported) && reported.iter().all(|(_, report)| report <= asked_at || report > horizon)
}

/// Whether `answer` is older than what its caller has seen, as far as that can be true beside the number that the origin gives
/// now.
#[must_use]
pub fn is_older_than_seen(answer: &StoredResponse, request: &CacheRequest, now: UnixMillis) -> bool {
    !answer.generations().satisfies(&reported_generations(request, Some(answer), now))
}

/// Whether `copy` is newer than `answer` and stays in its place. A higher generation alone counts for as long as the copy is
/// fresh, longer than any answer is on its way; then the origin is reported_generations.
#[must_use]
pub fn supersedes(copy: &StoredResponse, answer: &StoredResponse, now: UnixMillis) -> bool {
    if copy.age_secs(now) == u32::MAX {
        return false;
    }
    let (kept, came) = (copy.generations(), answer.generations());
    let was_asked_later = copy.asked_at_ms() > answer.asked_at_ms();
    if !numbers_are_plausible(copy) || !numbers_are_plausible(answer) || kept == came {
        return was_asked_later;
    }
    !came.satisfies(&kept) && (copy.is_fresh(now) || was_asked_later)
}

fn numbers_are_plausible(answer: &StoredResponse) -> bool {
    let horizon = ahead_of(Generation::at(answer.asked_at_ms()));
    answer.generations().iter().all(|(_, number)| number <= horizon)
}
