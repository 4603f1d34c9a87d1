//! Every path the origin serves, once. Not which handler answers it (`origin/src/routes.rs`), nor how it may be cached
//! ([`crate::policy`]).

use crate::api::page::DEFAULT_LIMIT;
use crate::http::target::{CanonicalTarget, InvalidQuery};

macro_rules! paths {
    ($($(#[$doc:meta])* $name:ident = $path:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $path;)*

        /// All of them, each with its name.
        pub const ALL: &[(&str, &str)] = &[$((stringify!($name), $name),)*];
    };
}

paths! {
    /// The process runs.
    HEALTH_LIVE = "/health/live";
    /// The process can answer: its store is reachable.
    HEALTH_READY = "/health/ready";
    /// Counters in the Prometheus text format.
    METRICS = "/metrics";
    /// The API's description, OpenAPI 3.1.
    OPENAPI = "/openapi.json";
    /// Public keys that access tokens verify against (RFC 7517).
    JWKS = "/.well-known/jwks.json";

    /// Create an account.
    REGISTER = "/v1/auth/register";
    /// Trade email and password for tokens.
    LOGIN = "/v1/auth/login";
    /// Trade a refresh token for new tokens.
    REFRESH = "/v1/auth/refresh";
    /// End a session.
    LOGOUT = "/v1/auth/logout";
    /// Who the access token speaks for.
    ME = "/v1/me";

    /// The catalogue; also where authors create modules.
    MODULES = "/v1/modules";
    /// One module.
    MODULE = "/v1/modules/{slug}";
    /// Full-text search over the catalogue. A module may therefore not have the slug `search`.
    MODULES_SEARCH = "/v1/modules/search";

    /// The learner's progress records.
    PROGRESS = "/v1/me/progress";
    /// Statistics over the learner's progress records.
    STATISTICS = "/v1/me/progress/stats";
    /// What the learner did, newest first.
    HISTORY = "/v1/me/history";
    /// Where the learner's operations are sent.
    OPERATIONS = "/v1/me/operations";

    /// What changes, as it changes: a stream of events.
    EVENTS = "/v1/events";

    /// Ask the tutor.
    TUTOR_ANSWERS = "/v1/tutor/answers";
    /// What the origin's caches store, for admins.
    ADMIN_CACHE = "/v1/admin/cache";
    /// Where admins say what is not to be used any more.
    ADMIN_CACHE_PURGE = "/v1/admin/cache/purge";
}

/// The first segments under which all of them are.
const ROOTS: [&str; 5] = ["v1", "health", "metrics", "openapi.json", ".well-known"];

/// Whether `path` is the API's to answer, be it that there is no such route. All others are the app's.
#[must_use]
pub fn is_of_api(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next();
    first.is_some_and(|first| ROOTS.contains(&first))
}

/// The path of one module: `/v1/modules/{slug}`.
#[must_use]
pub fn module(slug: &str) -> String {
    format!("{MODULES}/{slug}")
}

/// The slug in `/v1/modules/{slug}`, or `None` for any other path (the search included).
#[must_use]
pub fn module_slug(path: &str) -> Option<&str> {
    if path == MODULES_SEARCH {
        return None;
    }
    let slug = path.strip_prefix(MODULES)?.strip_prefix('/')?;
    (!slug.is_empty() && !slug.contains('/')).then_some(slug)
}

/// The query parameters that a `DELETE` of `path` takes.
#[must_use]
pub fn deletion_parameters(path: &str) -> &'static [&'static str] {
    if module_slug(path).is_some() { &["version"] } else { &[] }
}

/// The query parameters that a `GET` to `path` takes, in alphabetical order; each may come once. Any other is refused by the
/// origin (400), so no cache needs a key for it.
#[must_use]
pub fn query_parameters(path: &str) -> &'static [&'static str] {
    match path {
        MODULES => &["cursor", "difficulty", "limit", "subject", "tag"],
        MODULES_SEARCH => &["limit", "q"],
        PROGRESS | HISTORY => &["cursor", "limit"],
        ADMIN_CACHE => &["path", "user"],
        _ => &[],
    }
}

/// The canonical form of a `GET` to `path` with `query`, where `limit` is left out when it is the default.
///
/// # Errors
/// [`InvalidQuery`]: the origin refuses it (400), so no cache needs a key for it.
pub fn canonical_target(path: &str, query: &str) -> Result<CanonicalTarget, InvalidQuery> {
    let mut target = CanonicalTarget::parse(path, query, query_parameters(path))?;
    target.omit_default("limit", &DEFAULT_LIMIT.to_string());
    Ok(target)
}
