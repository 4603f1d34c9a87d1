//! Whether a response of the origin's may be stored: what RFC 9111 says (`http::storability`), and what Kaïros adds: the policy of
//! the path, no degraded response, the coding of the key, generations, a length. Fails closed: every check must hold, and what is
//! not stored has the reason in its `Cache-Status`. Pure; not how it is stored (`cache_store`).

use kairos_protocol::api::headers;
use kairos_protocol::http::encoding::{Encoding, content_encoding};
use kairos_protocol::http::field::Fields;
use kairos_protocol::http::storability::{NotStorable, check_exchange, check_fields};
use kairos_protocol::http::vary::varies_beyond;
use kairos_protocol::sync::generation::Generations;

use crate::request::CacheRequest;
use crate::route::Lookup;
use crate::stored_response::{StoredResponse, TARGET_LIST, generations_of};

/// Larger bodies are streamed, not stored: a worker's memory is 128 MB for all its requests together.
pub const MAX_BODY_BYTES: u32 = 4 * 1024 * 1024;

/// Why a response is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStored {
    /// HTTP forbids it.
    NotStorable(NotStorable),
    /// The origin names no policy, or not the one of this path.
    Policy,
    /// It is a stale or default response itself.
    Degraded,
    /// It varies by more than the coding.
    Vary,
    /// Its coding is not the one that was asked for.
    Encoding,
    /// It does not say which generations it was made from.
    Generations,
    /// It is older than the stored response, or than what the caller has seen.
    Older,
    /// What it confirms or replaces was removed meanwhile.
    Gone,
    /// Its length is not said, or too large.
    Length,
    /// The store failed.
    Failed,
}

impl From<NotStorable> for NotStored {
    fn from(reason: NotStorable) -> Self {
        Self::NotStorable(reason)
    }
}

impl NotStored {
    /// The token for the `detail` of `Cache-Status`.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            // Of the methods that are looked up, it is the only one whose responses are not stored.
            Self::NotStorable(NotStorable::Method) => "head",
            Self::NotStorable(NotStorable::Request) => "request",
            Self::NotStorable(NotStorable::Status) => "status",
            Self::NotStorable(NotStorable::Directives) => "directives",
            Self::NotStorable(NotStorable::SetCookie) => "set-cookie",
            Self::Policy => "policy",
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

/// What became of a response, as its `Cache-Status` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOutcome {
    /// It is stored.
    Stored,
    /// It was looked at and not stored.
    NotStored(NotStored),
    /// There was nothing to look at: the request is none of the cache's, or the origin gave no response.
    NotConsidered,
}

/// Checks a response with `status` and `fields` to a caller that has seen `reported`. Gives the length that the body must have.
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
    check_exchange(&request.method, &request.cache_control(), status)?;
    refuse(fields.get(headers::KAIROS_POLICY) != Some(lookup.policy.name()), NotStored::Policy)?;
    check_fields(fields, TARGET_LIST)?;
    refuse(fields.get(headers::KAIROS_DEGRADED).is_some(), NotStored::Degraded)?;
    refuse(varies_beyond(fields, &["accept-encoding"]), NotStored::Vary)?;
    refuse(!is_in_coding(fields, lookup.encoding), NotStored::Encoding)?;
    check_generations(fields, lookup, reported)?;
    let length = fields.get("content-length").and_then(|length| length.parse().ok());
    length.filter(|length| *length <= MAX_BODY_BYTES).ok_or(NotStored::Length)
}

/// Checks a 304 with `update`: whether `freshened`, which is the stored response with it, may be stored in its place.
///
/// # Errors
/// The first reason against it.
pub fn check_update_storable(update: &Fields, freshened: &StoredResponse) -> Result<(), NotStored> {
    if freshened.lifetime().is_none() {
        return Err(NotStorable::Directives.into());
    }
    if update.get(headers::KAIROS_DEGRADED).is_some() {
        return Err(NotStored::Degraded);
    }
    Ok(())
}

fn check_generations(fields: &Fields, lookup: &Lookup, reported: &Generations) -> Result<(), NotStored> {
    let made_from = generations_of(fields);
    // A stored response that names no generation would pass every later comparison.
    if lookup.policy.namespaces(None).iter().any(|namespace| made_from.get(namespace).is_none()) {
        return Err(NotStored::Generations);
    }
    if made_from.satisfies(reported) { Ok(()) } else { Err(NotStored::Older) }
}

/// Whether it is in the coding that the key names. Identity is always right: small bodies are not compressed.
fn is_in_coding(fields: &Fields, wanted: Encoding) -> bool {
    content_encoding(fields).is_some_and(|coding| coding == Encoding::Identity || coding == wanted)
}
