//! Which requests the edge may answer by itself, and under which key (I-PRIVATE): everything it is not sure of goes through to
//! the origin untouched. Pure; not how a stored copy is judged ([`crate::reuse`]).

use kairos_protocol::api::ids::Slug;
use kairos_protocol::api::paths;
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::cache_status::Forward;
use kairos_protocol::http::encoding::{Encoding, negotiate};
use kairos_protocol::policy::{Policy, Sharing};

use crate::fields::Fields;

/// Longer targets are none of ours; the origin says so.
const MAX_TARGET_BYTES: usize = 2_048;

/// A request, as far as decisions need it.
#[derive(Clone, Debug)]
pub struct CacheRequest {
    /// In capitals.
    pub method: String,
    /// Path, beginning with `/`, as it came.
    pub path: String,
    /// What stands after `?`; may be empty.
    pub query: String,
    /// The caller's header fields.
    pub fields: Fields,
    /// What the caller itself accepts; platforms put a value of their own into the header field.
    pub accept_encoding: Option<String>,
}

impl CacheRequest {
    /// Splits an absolute URL into its path and query.
    #[must_use]
    pub fn split_url(url: &str) -> (&str, &str) {
        let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let target = after_scheme.find(['/', '?']).and_then(|at| after_scheme.get(at..)).unwrap_or("/");
        let target = target.split('#').next().unwrap_or(target);
        target.split_once('?').unwrap_or((target, ""))
    }

    /// The caller's own directives.
    #[must_use]
    pub fn cache_control(&self) -> CacheControl {
        self.fields.get("cache-control").map(CacheControl::parse).unwrap_or_default()
    }

    /// Whether it may be repeated, or lost, without harm.
    #[must_use]
    pub fn is_read(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Not for the public: as if it did not exist.
    Absent,
    /// To the origin and back, untouched.
    Through(Forward),
    /// The caller wants it from the store only, where it never is (RFC 9111 §5.2.1.7).
    NotCached,
    /// The same answer for everyone: from the store if possible.
    Lookup(Lookup),
}

/// A request whose answer everyone may share. Nothing in it tells who asks.
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
    /// The URL under which its answer is stored. The host is ours alone: it resolves nowhere. The coding stands in the key
    /// because the store does not honour `Vary` everywhere.
    #[must_use]
    pub fn key(&self) -> String {
        self.key_in(self.encoding)
    }

    /// The keys of the same answer in every coding.
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
    if !request.is_read() {
        return Route::Through(Forward::Method);
    }
    match lookup(request) {
        Some(lookup) => Route::Lookup(lookup),
        None if request.cache_control().only_if_cached => Route::NotCached,
        None => Route::Through(Forward::Bypass),
    }
}

fn lookup(request: &CacheRequest) -> Option<Lookup> {
    let policy = Policy::of_path(&request.path);
    let is_for_everyone = policy.sharing() == Sharing::Everyone && policy.at_edge().fresh_secs > 0;
    let has_body = |fields: &Fields| {
        fields.get("transfer-encoding").is_some() || fields.get("content-length").is_some_and(|length| length != "0")
    };
    let asks_for_more = has_body(&request.fields)
        || ["if-match", "if-unmodified-since"].iter().any(|name| request.fields.get(name).is_some());
    if !is_for_everyone || asks_for_more {
        return None;
    }
    Some(Lookup {
        policy,
        target: canonical_target(&request.path, &request.query)?,
        encoding: negotiate(request.accept_encoding.as_deref(), Encoding::PREFERRED),
        is_head: request.method == "HEAD",
    })
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
