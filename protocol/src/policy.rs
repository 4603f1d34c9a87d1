//! The cache policy table: who may share a response, for how long, in which tier, and what it depends on. One table for all
//! three tiers. Not here: what directives mean when they come from elsewhere ([`crate::http::cache_control`]).

use crate::api::ids::UserId;
use crate::api::paths;
use crate::http::freshness::FreshnessLifetime;
use crate::sync::generation::Namespace;

/// Who may be given a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Anyone.
    Everyone,
    /// Only the account it was made for (I-PRIVATE).
    Subject,
    /// Nobody: it is not stored.
    Nobody,
}

/// How a response may be cached, named by what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// A page of the catalogue. The same for everyone; changes when an author publishes.
    CatalogList,
    /// One published module.
    CatalogModule,
    /// Search results.
    CatalogSearch,
    /// A page of a learner's records.
    Progress,
    /// A learner's statistics.
    Statistics,
    /// A page of a learner's history.
    History,
    /// Who is signed in.
    Profile,
    /// The key set and the API's description: they change with a release or a key rotation.
    Published,
    /// Responses to writes, tokens, health, metrics, errors, and every route that names no policy.
    NoStore,
}

/// Bodies shorter than this, in bytes, are sent uncompressed (row A1).
pub const MIN_COMPRESSED_BYTES: usize = 500;

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;

impl Policy {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::CatalogList,
        Self::CatalogModule,
        Self::CatalogSearch,
        Self::Progress,
        Self::Statistics,
        Self::History,
        Self::Profile,
        Self::Published,
        Self::NoStore,
    ];

    /// The policy of a `GET` (or `HEAD`) to `path`, without its query. Anything else is [`Policy::NoStore`].
    #[must_use]
    pub fn of_path(path: &str) -> Self {
        match path {
            paths::MODULES => Self::CatalogList,
            paths::MODULES_SEARCH => Self::CatalogSearch,
            paths::PROGRESS => Self::Progress,
            paths::STATISTICS => Self::Statistics,
            paths::HISTORY => Self::History,
            paths::ME => Self::Profile,
            paths::JWKS | paths::OPENAPI => Self::Published,
            _ if paths::module_slug(path).is_some() => Self::CatalogModule,
            _ => Self::NoStore,
        }
    }

    /// The path that has it, as [`paths`] writes it, where that is one.
    #[must_use]
    pub const fn path(self) -> Option<&'static str> {
        match self {
            Self::CatalogList => Some(paths::MODULES),
            Self::CatalogModule => Some(paths::MODULE),
            Self::CatalogSearch => Some(paths::MODULES_SEARCH),
            Self::Progress => Some(paths::PROGRESS),
            Self::Statistics => Some(paths::STATISTICS),
            Self::History => Some(paths::HISTORY),
            Self::Profile => Some(paths::ME),
            Self::Published | Self::NoStore => None,
        }
    }

    /// Those whose responses the origin stores.
    pub fn stored() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|policy| policy.at_origin().fresh_secs > 0)
    }

    /// What its stored responses are called when they are purged: the policy's name, and that of several together.
    #[must_use]
    pub fn tags(self) -> Vec<&'static str> {
        let of_several = match self.sharing() {
            Sharing::Everyone => Some("catalog"),
            Sharing::Subject => Some("learner"),
            Sharing::Nobody => None,
        };
        std::iter::once(self.name()).chain(of_several).collect()
    }

    /// What counts how often its stored responses were purged.
    #[must_use]
    pub const fn group(self) -> Namespace {
        Namespace::Group(self.name())
    }

    /// Whether a path that has it, with its query, may begin with `beginning`, or with what `beginning` itself begins with.
    #[must_use]
    pub fn may_begin_with(self, beginning: &str) -> bool {
        let Some(path) = self.path() else { return false };
        let (fixed, has_more) = path.split_once('{').map_or((path, false), |(fixed, _)| (fixed, true));
        let after = |rest: &str| has_more || rest.is_empty() || rest.starts_with('?');
        fixed.starts_with(beginning) || beginning.strip_prefix(fixed).is_some_and(after)
    }

    /// Its name, as in the `Kairos-Policy` header and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CatalogList => "catalog-list",
            Self::CatalogModule => "catalog-module",
            Self::CatalogSearch => "catalog-search",
            Self::Progress => "progress",
            Self::Statistics => "statistics",
            Self::History => "history",
            Self::Profile => "profile",
            Self::Published => "published",
            Self::NoStore => "no-store",
        }
    }

    /// Who may share the response.
    #[must_use]
    pub const fn sharing(self) -> Sharing {
        match self {
            Self::CatalogList | Self::CatalogModule | Self::CatalogSearch | Self::Published => Sharing::Everyone,
            Self::Progress | Self::Statistics | Self::History | Self::Profile => Sharing::Subject,
            Self::NoStore => Sharing::Nobody,
        }
    }

    /// At the origin, in process and in Redis (row H3). What is stale is served for a minute while it is loaded anew, as long as its
    /// generations are current; and stays for an hour, for when the database is down or slow.
    #[must_use]
    pub const fn at_origin(self) -> FreshnessLifetime {
        match self {
            Self::CatalogList | Self::CatalogModule | Self::CatalogSearch | Self::History => {
                FreshnessLifetime::new(10 * MINUTE, MINUTE, HOUR)
            }
            Self::Progress | Self::Statistics | Self::Profile => FreshnessLifetime::new(5 * MINUTE, MINUTE, HOUR),
            Self::Published | Self::NoStore => FreshnessLifetime::NONE,
        }
    }

    /// At the edge. This is the bound after which everybody sees an author's change (I-BOUND); whoever has seen the newer
    /// state gets it at once, by `Kairos-Min-Gen`. The learner's own data is not stored there.
    #[must_use]
    pub const fn at_edge(self) -> FreshnessLifetime {
        match self {
            Self::CatalogList | Self::CatalogSearch => FreshnessLifetime::new(MINUTE, 0, DAY),
            Self::CatalogModule => FreshnessLifetime::new(5 * MINUTE, 0, DAY),
            Self::Published => FreshnessLifetime::new(5 * MINUTE, 0, DAY),
            Self::Progress | Self::Statistics | Self::History | Self::Profile | Self::NoStore => {
                FreshnessLifetime::NONE
            }
        }
    }

    /// In the browser, which stores responses for use without a network. `stale_if_error_secs` is how long they are shown offline.
    #[must_use]
    pub const fn in_browser(self) -> FreshnessLifetime {
        match self {
            Self::CatalogList | Self::CatalogModule | Self::CatalogSearch => {
                FreshnessLifetime::new(MINUTE, 30 * DAY, 90 * DAY)
            }
            Self::Progress | Self::Statistics | Self::History | Self::Profile => {
                FreshnessLifetime::new(10, 30 * DAY, 90 * DAY)
            }
            Self::Published | Self::NoStore => FreshnessLifetime::NONE,
        }
    }

    /// The namespaces that a response depends on: when one of them gets a new generation, the response is old. `subject` is who
    /// asks; without one, responses for a subject depend on nothing and are not stored.
    #[must_use]
    pub fn namespaces(self, subject: Option<&UserId>) -> Vec<Namespace> {
        match self {
            Self::CatalogList | Self::CatalogModule | Self::CatalogSearch => vec![Namespace::Catalog],
            Self::Progress | Self::Statistics | Self::History | Self::Profile => {
                subject.map(|id| Namespace::User(id.clone())).into_iter().collect()
            }
            Self::Published | Self::NoStore => Vec::new(),
        }
    }

    /// `Cache-Control` as the origin writes it, for caches that know nothing of generations: they may store what is public,
    /// and must validate it each time.
    #[must_use]
    pub const fn cache_control(self) -> &'static str {
        match self.sharing() {
            Sharing::Everyone => "public, no-cache",
            Sharing::Subject => "private, no-cache",
            Sharing::Nobody => "no-store",
        }
    }

    /// `CDN-Cache-Control` (RFC 9213) as the origin writes it: the edge's lifetime. `None` where the edge may not store.
    #[must_use]
    pub fn cdn_cache_control(self) -> Option<String> {
        let FreshnessLifetime { fresh_secs, stale_while_revalidate_secs, stale_if_error_secs } = self.at_edge();
        let stale = |directive: &str, secs: u32| if secs > 0 { format!(", {directive}={secs}") } else { String::new() };
        (self.sharing() == Sharing::Everyone && fresh_secs > 0).then(|| {
            let while_revalidate = stale("stale-while-revalidate", stale_while_revalidate_secs);
            let if_error = stale("stale-if-error", stale_if_error_secs);
            format!("max-age={fresh_secs}{while_revalidate}{if_error}")
        })
    }
}
