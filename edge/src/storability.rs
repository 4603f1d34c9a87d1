//! Whether an answer from the origin may be stored. Fails closed: every check must hold, and what is not stored carries the
//! reason in `Cache-Status`. Pure; not how it is stored (`cache_store`).

use kairos_protocol::api::headers;
use kairos_protocol::http::encoding::Encoding;
use kairos_protocol::sync::generation::Generations;

use crate::fields::Fields;
use crate::route::{CacheRequest, Lookup};
use crate::stored_response::{StoredResponse, generations_of, lifetime_of};

/// Larger bodies are streamed, not stored: a worker's memory is 128 MB for all its requests together.
pub const MAX_BODY_BYTES: u32 = 4 * 1024 * 1024;

/// Why an answer is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStored {
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

impl NotStored {
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

/// Judges an answer with `status` and `fields` to a caller that has seen `reported`. Gives the length that the body must have.
///
/// # Errors
/// The first reason against storing it.
pub fn check_storable(
    status: u16,
    fields: &Fields,
    lookup: &Lookup,
    request: &CacheRequest,
    reported: &Generations,
) -> Result<u32, NotStored> {
    let refuse = |when: bool, reason: NotStored| if when { Err(reason) } else { Ok(()) };
    refuse(lookup.is_head, NotStored::Head)?;
    refuse(request.cache_control().no_store, NotStored::Request)?;
    refuse(status != 200, NotStored::Status)?;
    refuse(fields.get(headers::KAIROS_POLICY) != Some(lookup.policy.name()), NotStored::Policy)?;
    refuse(lifetime_of(fields).is_none(), NotStored::Directives)?;
    refuse(fields.get("set-cookie").is_some(), NotStored::SetCookie)?;
    refuse(fields.get(headers::KAIROS_DEGRADED).is_some(), NotStored::Degraded)?;
    refuse(varies_by_more_than_coding(fields), NotStored::Vary)?;
    refuse(!is_coding_of(fields, lookup.encoding), NotStored::Encoding)?;
    check_generations(fields, lookup, reported)?;
    let length = fields.get("content-length").and_then(|length| length.parse().ok());
    length.filter(|length| *length <= MAX_BODY_BYTES).ok_or(NotStored::Length)
}

/// Judges a 304 with `update`: whether `refreshed`, which is the copy with it, may be kept in the copy's place.
///
/// # Errors
/// The first reason against it.
pub fn check_update_storable(update: &Fields, refreshed: &StoredResponse) -> Result<(), NotStored> {
    if refreshed.lifetime().is_none() {
        return Err(NotStored::Directives);
    }
    if update.get(headers::KAIROS_DEGRADED).is_some() {
        return Err(NotStored::Degraded);
    }
    Ok(())
}

fn check_generations(fields: &Fields, lookup: &Lookup, reported: &Generations) -> Result<(), NotStored> {
    let made_from = generations_of(fields);
    // A copy that names no generation would pass every later comparison.
    if lookup.policy.namespaces(None).iter().any(|namespace| made_from.get(namespace).is_none()) {
        return Err(NotStored::Generations);
    }
    if made_from.satisfies(reported) { Ok(()) } else { Err(NotStored::Older) }
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
