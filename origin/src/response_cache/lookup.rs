//! What a read asks the caches for: which response, for whom, and on what conditions of its caller. Not how it is found.

use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, AsHeaderName, CACHE_CONTROL, IF_NONE_MATCH};
use kairos_protocol::api::headers::KAIROS_MIN_GEN;
use kairos_protocol::api::ids::{Slug, UserId};
use kairos_protocol::api::paths;
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::policy::{Policy, Sharing};
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};

/// One look-up of one response.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// For how long the response may be stored, and what it depends on.
    pub policy: Policy,
    /// Who asks. A response that only its subject may see is not stored without one (I-PRIVATE).
    pub subject: Option<UserId>,
    /// Names the response among those of its policy: path and canonical query.
    pub key: String,
    /// The caller's conditions.
    pub request: CacheRequest,
    /// What was found out before.
    pub nothing_shared: Option<NothingShared>,
}

/// Since the request came it was looked up that Redis has no response to it.
#[derive(Clone, Debug)]
pub struct NothingShared {
    pub(super) current: Generations,
}

impl Lookup {
    /// Names the response among all that are stored under the `group`'s number. Neither a policy's name nor an id has a space, nor has a path.
    pub(super) fn cache_key(&self, group: Generation) -> String {
        let subject = match self.policy.sharing() {
            Sharing::Subject => self.subject.as_ref().map_or("", UserId::as_str),
            Sharing::Everyone | Sharing::Nobody => "",
        };
        match group.get() {
            0 => format!("{} {subject} {}", self.policy.name(), self.key),
            number => format!("{} {subject} {} {number}", self.policy.name(), self.key),
        }
    }

    /// The module that the response shows, where it shows one.
    pub(super) fn module(&self) -> Option<Namespace> {
        let path = self.key.split('?').next()?;
        let slug = (self.policy == Policy::CatalogModule).then(|| paths::module_slug(path)).flatten()?;
        Slug::new(slug).ok().map(Namespace::Module)
    }

    /// Whether the response may be stored: the policy says for how long and what makes it old, and whose it is is known.
    pub(super) fn is_storable(&self) -> bool {
        let depends_on_something = !self.policy.namespaces(self.subject.as_ref()).is_empty();
        self.is_for_somebody() && depends_on_something && self.policy.at_origin().fresh_secs > 0
    }

    /// The policy of a response that is not stored. Fails closed: what only its subject may see, with no subject, is for nobody.
    pub(super) fn policy_if_unstored(&self) -> Policy {
        if self.is_for_somebody() { self.policy } else { Policy::NoStore }
    }

    fn is_for_somebody(&self) -> bool {
        self.policy.sharing() != Sharing::Subject || self.subject.is_some()
    }
}

/// A request's head, as far as caches go by it.
#[derive(Clone, Debug, Default)]
pub struct CacheRequest {
    /// `Kairos-Min-Gen`: the generations that the caller says it has seen.
    pub reported: Generations,
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
            reported: joined(headers, KAIROS_MIN_GEN).map(|value| Generations::parse(&value)).unwrap_or_default(),
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
