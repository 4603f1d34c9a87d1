//! Whether an answer from the origin may be stored. Fails closed: every check must hold, and what is not stored carries the
//! reason in `Cache-Status`. Pure; not how it is stored (`cache_store`).

use kairos_protocol::encoding::Encoding;
use kairos_protocol::generation::Generations;
use kairos_protocol::headers;

use crate::fields::Fields;
use crate::route::{Question, Shared};
use crate::stored::{StoredAnswer, generations_of, window_of};

/// Larger bodies are streamed, not stored: a worker's memory is 128 MB for all its requests together.
pub const MAX_BODY_BYTES: u32 = 4 * 1024 * 1024;

/// Why an answer is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoStore {
    /// Only header fields were asked for.
    Head,
    /// The request says `no-store`.
    Request,
    /// The status is not 200.
    Status,
    /// The origin names no policy, or not the one of this path.
    Policy,
    /// Its directives forbid it, or give no freshness.
    Directives,
    /// It sets a cookie.
    SetCookie,
    /// It is a stale or default answer itself.
    Degraded,
    /// It varies by more than the coding.
    Vary,
    /// Its coding is not the one that was asked for.
    Encoding,
    /// It does not say which generations it was made from.
    Generations,
    /// It is older than the stored copy, or than what the caller has seen.
    Older,
    /// What it confirms or replaces was forgotten meanwhile.
    Gone,
    /// Its length is not said, or too large.
    Length,
    /// The store failed.
    Failed,
}

impl NoStore {
    /// The token for `Cache-Status`.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Request => "request",
            Self::Status => "status",
            Self::Policy => "policy",
            Self::Directives => "directives",
            Self::SetCookie => "set-cookie",
            Self::Degraded => "degraded",
            Self::Vary => "vary",
            Self::Encoding => "encoding",
            Self::Generations => "generations",
            Self::Older => "older",
            Self::Gone => "gone",
            Self::Length => "length",
            Self::Failed => "store-failed",
        }
    }
}

/// Judges an answer with `status` and `fields` to a caller that has seen `claims`. Gives the length that the body must have.
///
/// # Errors
/// The first reason against storing it.
pub fn admit(
    status: u16,
    fields: &Fields,
    shared: &Shared,
    question: &Question,
    claims: &Generations,
) -> Result<u32, NoStore> {
    let refuse = |when: bool, reason: NoStore| if when { Err(reason) } else { Ok(()) };
    refuse(shared.is_head, NoStore::Head)?;
    refuse(question.cache_control().no_store, NoStore::Request)?;
    refuse(status != 200, NoStore::Status)?;
    refuse(fields.get(headers::KAIROS_POLICY) != Some(shared.policy.name()), NoStore::Policy)?;
    refuse(window_of(fields).is_none(), NoStore::Directives)?;
    refuse(fields.get("set-cookie").is_some(), NoStore::SetCookie)?;
    refuse(fields.get(headers::KAIROS_DEGRADED).is_some(), NoStore::Degraded)?;
    refuse(varies_by_more_than_coding(fields), NoStore::Vary)?;
    refuse(!is_coding_of(fields, shared.encoding), NoStore::Encoding)?;
    check_generations(fields, shared, claims)?;
    let length = fields.get("content-length").and_then(|length| length.parse().ok());
    length.filter(|length| *length <= MAX_BODY_BYTES).ok_or(NoStore::Length)
}

/// Judges a 304 with `update`: whether `refreshed`, which is the copy with it, may be kept in the copy's place.
///
/// # Errors
/// The first reason against it.
pub fn admit_update(update: &Fields, refreshed: &StoredAnswer) -> Result<(), NoStore> {
    if refreshed.window().is_none() {
        return Err(NoStore::Directives);
    }
    if update.get(headers::KAIROS_DEGRADED).is_some() {
        return Err(NoStore::Degraded);
    }
    Ok(())
}

fn check_generations(fields: &Fields, shared: &Shared, claims: &Generations) -> Result<(), NoStore> {
    let made_from = generations_of(fields);
    // A copy that names no generation would pass every later comparison.
    if shared.policy.namespaces(None).iter().any(|namespace| made_from.get(namespace).is_none()) {
        return Err(NoStore::Generations);
    }
    if made_from.satisfies(claims) { Ok(()) } else { Err(NoStore::Older) }
}

fn varies_by_more_than_coding(fields: &Fields) -> bool {
    let names = fields.get("vary").unwrap_or_default().split(',').map(str::trim);
    names.filter(|name| !name.is_empty()).any(|name| !name.eq_ignore_ascii_case("accept-encoding"))
}

/// Identity is always right: small bodies are not compressed.
fn is_coding_of(fields: &Fields, asked: Encoding) -> bool {
    match fields.get("content-encoding") {
        None => true,
        Some(coding) => Encoding::parse(coding).is_some_and(|coding| coding == Encoding::Identity || coding == asked),
    }
}
