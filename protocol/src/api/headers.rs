//! Names of the headers that Kaïros itself defines, and of the standard ones more than one tier writes. Not their syntax.

/// Generations of the namespaces a response was made from ([`crate::sync::generation::Generations`]); on every cacheable response.
pub const KAIROS_GEN: &str = "kairos-gen";
/// Generations the caller has already seen: a response made from older ones must be validated before it is used.
pub const KAIROS_MIN_GEN: &str = "kairos-min-gen";
/// `stale` or `default`: the response is not what the database would say now, because a dependency is down.
pub const KAIROS_DEGRADED: &str = "kairos-degraded";
/// Name of the cache policy that made this response ([`crate::policy::Policy::name`]).
pub const KAIROS_POLICY: &str = "kairos-policy";
/// What each cache on the way did (RFC 9211).
pub const CACHE_STATUS: &str = "cache-status";
/// `Cache-Control` for shared caches near the user only (RFC 9213).
pub const CDN_CACHE_CONTROL: &str = "cdn-cache-control";

/// The origin's name in `Cache-Status`.
pub const ORIGIN_CACHE: &str = "kairos-origin";
/// The edge's name in `Cache-Status`.
pub const EDGE_CACHE: &str = "kairos-edge";
