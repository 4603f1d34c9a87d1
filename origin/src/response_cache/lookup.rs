//! What a handler asks for: which answer, for whom, and on the caller's request. Not how it is found.

use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, AsHeaderName, CACHE_CONTROL, IF_NONE_MATCH};
use kairos_protocol::api::headers::KAIROS_MIN_GEN;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::policy::{Policy, Sharing};
use kairos_protocol::sync::generation::Generations;

/// One request for one answer.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// How the answer may be kept, and what it depends on.
    pub policy: Policy,
    /// Who asks. An answer that only its subject may see is not kept without one (I-PRIVATE).
    pub subject: Option<UserId>,
    /// Names the answer among those of its policy: path and canonical query.
    pub key: String,
    /// What the caller said about copies.
    pub request: CacheRequest,
}

impl Lookup {
    /// Names the answer among all. Neither a policy's name nor an id has a space.
    pub(super) fn cache_key(&self) -> String {
        let subject = match self.policy.sharing() {
            Sharing::Subject => self.subject.as_ref().map_or("", UserId::as_str),
            Sharing::Everyone | Sharing::Nobody => "",
        };
        format!("{} {subject} {}", self.policy.name(), self.key)
    }

    /// Whether the answer may be kept: the policy says for how long and what makes it old, and a subject's answer has one.
    pub(super) fn is_storable(&self) -> bool {
        let whose = self.policy.sharing() != Sharing::Subject || self.subject.is_some();
        let known_to_age = !self.policy.namespaces(self.subject.as_ref()).is_empty();
        let lifetime = self.policy.at_origin();
        whose && known_to_age && lifetime.fresh_secs > 0
    }
}

/// What a request's headers say about copies.
#[derive(Clone, Debug, Default)]
pub struct CacheRequest {
    /// `Kairos-Min-Gen`: what the caller has seen.
    pub seen: Generations,
    /// `Accept-Encoding`.
    pub accept_encoding: Option<String>,
    /// `If-None-Match`.
    pub if_none_match: Option<String>,
    /// `Cache-Control`.
    pub cache_control: CacheControl,
}

impl CacheRequest {
    /// Reads `Kairos-Min-Gen`, `Accept-Encoding`, `If-None-Match` and `Cache-Control`. What cannot be read is as if it were
    /// not there.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        Self {
            seen: joined(headers, KAIROS_MIN_GEN).map(|value| Generations::parse(&value)).unwrap_or_default(),
            accept_encoding: joined(headers, ACCEPT_ENCODING),
            if_none_match: joined(headers, IF_NONE_MATCH),
            cache_control: joined(headers, CACHE_CONTROL).map(|v| CacheControl::parse(&v)).unwrap_or_default(),
        }
    }
}

/// All lines of a list-valued field as one (RFC 9110 §5.3).
fn joined(headers: &HeaderMap, name: impl AsHeaderName) -> Option<String> {
    let lines: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}
