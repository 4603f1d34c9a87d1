//! One look-up in the cache: a path, its policy, whose it is, and how the learner's operations show in it. Not here: the caches.

use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::paths;
use kairos_protocol::policy::{Policy, Sharing};

use crate::documents::EVERYONE;
use crate::error::{Error, Result};

/// Owner and path: under these a response is stored.
pub(crate) type Key = (String, String);

/// Which list of the learner's a response is, so that unsent operations can be applied to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overlay {
    /// It is none: operations do not show in it.
    None,
    /// A page of records; the first when there is no cursor.
    Progress {
        is_first: bool,
    },
    Statistics,
    /// A page of entries, likewise.
    History {
        is_first: bool,
    },
}

/// One `GET`, as caches see it.
#[derive(Clone, Debug)]
pub(crate) struct Lookup {
    /// Path and query.
    pub(crate) path: String,
    /// Without query.
    pub(crate) pathname: String,
    /// How it may be cached.
    pub(crate) policy: Policy,
    /// Whose it is; `None`: anybody's.
    pub(crate) user: Option<UserId>,
    /// How operations show in it.
    pub(crate) overlay: Overlay,
}

impl Lookup {
    /// Reads what the caller gave.
    ///
    /// # Errors
    /// `invalid_argument` when it is no path of the origin's own, `unauthenticated` when it needs a user and there is none.
    pub(crate) fn parse(path: &str, user: Option<UserId>) -> Result<Self> {
        let is_path = path.starts_with('/') && !path.starts_with("//") && !path.contains(['#', '\\']);
        if !is_path || path.contains(char::is_whitespace) {
            return Err(Error::new("invalid_argument", "the path must begin with one / and have no fragment"));
        }
        let (pathname, query) = path.split_once('?').unwrap_or((path, ""));
        let is_first = !query.split('&').any(|pair| pair.starts_with("cursor="));
        let policy = Policy::of_path(pathname);
        let user = match policy.sharing() {
            Sharing::Subject => Some(user.ok_or_else(Error::unauthenticated)?),
            Sharing::Everyone | Sharing::Nobody => None,
        };
        let overlay = match pathname {
            paths::PROGRESS => Overlay::Progress { is_first },
            paths::STATISTICS => Overlay::Statistics,
            paths::HISTORY => Overlay::History { is_first },
            _ => Overlay::None,
        };
        Ok(Self { path: path.to_owned(), pathname: pathname.to_owned(), policy, user, overlay })
    }

    /// Whose data it is, as storage names it.
    pub(crate) fn owner(&self) -> &str {
        self.user.as_ref().map_or(EVERYONE, UserId::as_str)
    }

    /// Its place in memory.
    pub(crate) fn key(&self) -> Key {
        (self.owner().to_owned(), self.path.clone())
    }

    /// Whether its responses may be stored.
    pub(crate) fn is_storable(&self) -> bool {
        self.policy.in_browser().stale_if_error_secs > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_once() {
        let user = Some(UserId::new("u1").unwrap());
        for (path, overlay, owner) in [
            ("/v1/modules?limit=5", Overlay::None, ""),
            ("/v1/me", Overlay::None, "u1"),
            ("/v1/me/progress", Overlay::Progress { is_first: true }, "u1"),
            ("/v1/me/progress?limit=5&cursor=x", Overlay::Progress { is_first: false }, "u1"),
            ("/v1/me/progress/stats", Overlay::Statistics, "u1"),
            ("/v1/me/history?limit=5", Overlay::History { is_first: true }, "u1"),
        ] {
            let lookup = Lookup::parse(path, user.clone()).unwrap();
            assert_eq!((lookup.overlay, lookup.owner()), (overlay, owner), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", "v1/modules", "//evil.example/v1/me", "https://evil.example", "/a b", "/a#b", "/\\evil"] {
            assert_eq!(Lookup::parse(path, None).unwrap_err().code, "invalid_argument", "{path:?}");
        }
        assert_eq!(Lookup::parse("/v1/me", None).unwrap_err().code, "unauthenticated");
    }
}
