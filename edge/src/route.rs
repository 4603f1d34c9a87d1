//! Which requests the edge may answer by itself, and under which key (I-PRIVATE): everything it is not sure of goes through to
//! the origin untouched. Pure; not how a stored copy is judged ([`crate::verdict`]).

use kairos_protocol::cache_control::CacheControl;
use kairos_protocol::cache_status::Forward;
use kairos_protocol::encoding::{Encoding, negotiate};
use kairos_protocol::ids::Slug;
use kairos_protocol::paths;
use kairos_protocol::policy::{Policy, Sharing};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::fields::Fields;

/// Longer targets are none of ours; the origin says so.
const MAX_TARGET_BYTES: usize = 2_048;

/// What may stand in a query value as it is (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request, as far as decisions need it.
#[derive(Clone, Debug)]
pub struct Question {
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

impl Question {
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
    Shared(Shared),
}

/// A request whose answer everyone may share. Nothing in it tells who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The policy of its path.
    pub policy: Policy,
    /// Path and query in canonical form: known parameters, sorted, encoded one way.
    pub target: String,
    /// The one coding asked of the origin.
    pub encoding: Encoding,
    /// Whether only the header fields are wanted.
    pub is_head: bool,
}

impl Shared {
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
pub fn route(question: &Question) -> Route {
    if question.path == paths::METRICS {
        return Route::Absent;
    }
    if !question.is_read() {
        return Route::Through(Forward::Method);
    }
    match shared(question) {
        Some(shared) => Route::Shared(shared),
        None if question.cache_control().only_if_cached => Route::NotCached,
        None => Route::Through(Forward::Bypass),
    }
}

fn shared(question: &Question) -> Option<Shared> {
    let policy = Policy::of_path(&question.path);
    let is_for_everyone = policy.sharing() == Sharing::Everyone && policy.at_edge().fresh_secs > 0;
    let has_body = |fields: &Fields| {
        fields.get("transfer-encoding").is_some() || fields.get("content-length").is_some_and(|length| length != "0")
    };
    let asks_for_more = has_body(&question.fields)
        || ["if-match", "if-unmodified-since"].iter().any(|name| question.fields.get(name).is_some());
    if !is_for_everyone || asks_for_more {
        return None;
    }
    Some(Shared {
        policy,
        target: canonical_target(&question.path, &question.query)?,
        encoding: negotiate(question.accept_encoding.as_deref(), Encoding::PREFERRED),
        is_head: question.method == "HEAD",
    })
}

/// Path and query in the one form under which answers are stored and asked for. `None` where the origin would refuse them: an
/// unknown or doubled parameter, a slug of another form, something too long.
#[must_use]
pub fn canonical_target(path: &str, query: &str) -> Option<String> {
    if let Some(slug) = paths::module_slug(path) {
        Slug::new(slug).ok()?;
    }
    let known = paths::query_parameters(path);
    let mut parameters = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if !known.contains(&name.as_str()) || parameters.iter().any(|(earlier, _)| *earlier == name) {
            return None;
        }
        parameters.push((name, value));
    }
    parameters.sort();
    let mut target = path.to_owned();
    for (index, (name, value)) in parameters.iter().enumerate() {
        let separator = if index == 0 { '?' } else { '&' };
        target.push_str(&format!("{separator}{name}={}", utf8_percent_encode(value, RESERVED)));
    }
    (target.len() <= MAX_TARGET_BYTES).then_some(target)
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(|decoded| decoded.into_owned())
}
