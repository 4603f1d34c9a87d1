//! The head of a request, as far as the edge's decisions need it: plain values that are tested without a JavaScript engine. Not
//! what is decided ([`crate::route`]).

use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::field::Fields;

/// A request's head.
#[derive(Clone, Debug)]
pub struct CacheRequest {
    /// In capitals.
    pub method: String,
    /// Path, beginning with `/`, as it came.
    pub path: String,
    /// What stands after `?`; may be empty.
    pub query: String,
    /// Those of the caller's header fields that decisions read.
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

    /// Whether its method is safe (RFC 9110 §9.2.1): it may be repeated, or lost, without harm.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }
}
