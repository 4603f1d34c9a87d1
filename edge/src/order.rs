//! Which of two states is the newer: what a caller claims to have seen against a copy, and a copy against an answer (I-SESSION).
//! Pure. Not how old a copy is: that is its age ([`crate::stored`]).
//!
//! Generations are the order as long as they can be true, which is to say that they are not ahead of the edge's clock by more
//! than [`AHEAD_MS`] at the moment of asking. Where they are, a clock was wrong at the origin, and the edge goes by its own:
//! what was asked for later is the newer (RFC 9111 §4). So no copy wins for ever because its number is large.

use kairos_protocol::UnixMillis;
use kairos_protocol::generation::{Generation, Generations, Namespace};
use kairos_protocol::headers;
use kairos_protocol::policy::{Policy, Sharing};

use crate::route::Question;
use crate::stored::StoredAnswer;

/// How far a generation may be ahead of the edge's clock: clocks differ. The origin allows as much.
pub const AHEAD_MS: UnixMillis = 60_000;

/// What a caller claims to have seen (`Kairos-Min-Gen`), as far as it can be true and the answer depends on it; nothing else
/// makes the edge ask, or is passed on. A number can be true up to [`AHEAD_MS`] ahead of the clock, or of the number that the
/// origin itself gave `copy`: its numbers run ahead for a while after its clock was set back.
#[must_use]
pub fn believed(question: &Question, copy: Option<&StoredAnswer>, now: UnixMillis) -> Generations {
    let claims = question.fields.get(headers::KAIROS_MIN_GEN).unwrap_or_default();
    if claims.split(',').count() > Generations::MAX_NAMESPACES {
        return Generations::default();
    }
    let policy = Policy::of_path(&question.path);
    let known = copy.map(StoredAnswer::generations).unwrap_or_default();
    let can_be_true = |namespace: &Namespace, claim: Generation| {
        let number = known.get(namespace).unwrap_or_default().max(Generation::at(now));
        claim <= ahead_of(number)
    };
    let claims = Generations::parse(claims);
    let members =
        claims.iter().filter(|(namespace, claim)| matters(policy, namespace) && can_be_true(namespace, *claim));
    members.map(|(namespace, claim)| (namespace.clone(), claim)).collect()
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
/// that a claim names, whatever its own number. Only claims that are far ahead of the clock (see [`believed`]) name no moment.
#[must_use]
pub fn is_as_new_as(copy: &StoredAnswer, claims: &Generations, now: UnixMillis) -> bool {
    let (asked_at, horizon) = (Generation::at(copy.asked_at_ms()), ahead_of(Generation::at(now)));
    copy.generations().satisfies(claims) && claims.iter().all(|(_, claim)| claim <= asked_at || claim > horizon)
}

/// Whether `answer` is older than what its caller has seen, as far as that can be true beside the number that the origin gives
/// now.
#[must_use]
pub fn is_older_than_seen(answer: &StoredAnswer, question: &Question, now: UnixMillis) -> bool {
    !answer.generations().satisfies(&believed(question, Some(answer), now))
}

/// Whether `copy` is newer than `answer` and stays in its place. A higher generation alone counts for as long as the copy is
/// fresh, longer than any answer is on its way; then the origin is believed.
#[must_use]
pub fn outranks(copy: &StoredAnswer, answer: &StoredAnswer, now: UnixMillis) -> bool {
    if copy.age_secs(now) == u32::MAX {
        return false;
    }
    let (kept, came) = (copy.generations(), answer.generations());
    let was_asked_later = copy.asked_at_ms() > answer.asked_at_ms();
    if !numbers_can_be_true(copy) || !numbers_can_be_true(answer) || kept == came {
        return was_asked_later;
    }
    !came.satisfies(&kept) && (copy.is_fresh(now) || was_asked_later)
}

fn numbers_can_be_true(answer: &StoredAnswer) -> bool {
    let horizon = ahead_of(Generation::at(answer.asked_at_ms()));
    answer.generations().iter().all(|(_, number)| number <= horizon)
}
