//! Which requests the edge may answer by itself, and under which key (I-PRIVATE): everything it is not sure of is forwarded to
//! the origin untouched. Pure; not whether a stored response may be used ([`crate::reuse`]).

use kairos_protocol::api::ids::Slug;
use kairos_protocol::api::paths;
use kairos_protocol::http::cache_status::Forward;
use kairos_protocol::http::encoding::{Encoding, negotiate};
use kairos_protocol::http::field::Fields;
use kairos_protocol::policy::{Policy, Sharing};

use crate::request::CacheRequest;

/// Longer targets are none of ours; the origin says so.
const MAX_TARGET_BYTES: usize = 2_048;

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Not for the public: as if it did not exist.
    Absent,
    /// To the origin and back, untouched.
    Forward(Forward),
    /// The caller wants a stored response or none, and none is ever stored for this (RFC 9111 §5.2.1.7).
    NotCached,
    /// The same response for everyone: a stored one if possible.
    Lookup(Lookup),
}

/// A request whose response everyone may share. Nothing in it tells who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The policy of its path.
    pub policy: Policy,
    /// Path and query in canonical form: known parameters, sorted, encoded one way.
    pub target: String,
    /// The one coding asked of the origin.
    pub encoding: Encoding,
    /// Whether only the header fields are wanted.
    pub is_head: bool,
}

impl Lookup {
    /// The URL under which its response is stored. The host is ours alone: it resolves nowhere. The coding stands in the key
    /// because the Cache API does not honour `Vary` everywhere.
    #[must_use]
    pub fn key(&self) -> String {
        self.key_in(self.encoding)
    }

    /// The keys of the same response in every coding.
    pub fn all_keys(&self) -> impl Iterator<Item = String> {
        Encoding::PREFERRED.iter().map(|encoding| self.key_in(*encoding))
    }

    fn key_in(&self, encoding: Encoding) -> String {
        format!("https://edge.kairos.internal/{}{}", encoding.token(), self.target)
    }
}

/// Decides what becomes of a request.
#[must_use]
pub fn route(request: &CacheRequest) -> Route {
    if request.path == paths::METRICS {
        return Route::Absent;
    }
    if !request.is_safe() {
        return Route::Forward(Forward::Method);
    }
    match lookup(request) {
        Some(lookup) => Route::Lookup(lookup),
        None if request.cache_control().only_if_cached => Route::NotCached,
        None => Route::Forward(Forward::Bypass),
    }
}

fn lookup(request: &CacheRequest) -> Option<Lookup> {
    let policy = Policy::of_path(&request.path);
    let is_for_everyone = policy.sharing() == Sharing::Everyone && policy.at_edge().fresh_secs > 0;
    if !is_for_everyone || has_content(&request.fields) || has_precondition(&request.fields) {
        return None;
    }
    Some(Lookup {
        policy,
        target: canonical_target(&request.path, &request.query)?,
        encoding: negotiate(request.accept_encoding.as_deref(), Encoding::PREFERRED),
        is_head: request.method == "HEAD",
    })
}

fn has_content(fields: &Fields) -> bool {
    fields.get("transfer-encoding").is_some() || fields.get("content-length").is_some_and(|length| length != "0")
}

/// Whether it is to fail unless the origin's state is a certain one (RFC 9110 §13.1.1, §13.1.4): that only the origin knows.
fn has_precondition(fields: &Fields) -> bool {
    ["if-match", "if-unmodified-since"].iter().any(|name| fields.get(name).is_some())
}

/// Path and query in the one form under which responses are stored and asked for. `None` where the origin would refuse them: an
/// unknown or repeated parameter, a slug of another form, something too long.
#[must_use]
pub fn canonical_target(path: &str, query: &str) -> Option<String> {
    if let Some(slug) = paths::module_slug(path) {
        Slug::new(slug).ok()?;
    }
    let target = paths::canonical_target(path, query).ok()?.to_string();
    (target.len() <= MAX_TARGET_BYTES).then_some(target)
}
