//! `Cache-Status` (RFC 9211): what each cache did with a request, written and read. Not why it did so.

use std::fmt;

use crate::http::field::split_unquoted;

/// Why a request was forwarded to the next hop (RFC 9211 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// The cache is set up not to handle this request.
    Bypass,
    /// The method has to be forwarded.
    Method,
    /// Nothing is stored under its key.
    UriMiss,
    /// What is stored is stale, or too old for this caller.
    Stale,
    /// The request demands it.
    Request,
}

impl Forward {
    const fn token(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::Stale => "stale",
            Self::Request => "request",
        }
    }
}

/// What one cache did with one request. `Display` writes the list member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// The response came from the cache.
    Hit {
        /// The cache's name, a token.
        cache: &'static str,
        /// Seconds until it is stale; negative when it was used stale.
        ttl_secs: i64,
        /// Implementation-specific, a token.
        detail: Option<&'static str>,
    },
    /// The request was forwarded.
    Forwarded {
        /// The cache's name, a token.
        cache: &'static str,
        /// Why.
        reason: Forward,
        /// Whether the response was stored.
        stored: bool,
        /// Whether it was collapsed with another request (RFC 9211 §2.6).
        collapsed: bool,
        /// Implementation-specific, a token.
        detail: Option<&'static str>,
    },
}

impl fmt::Display for CacheStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = match self {
            Self::Hit { cache, ttl_secs, detail } => {
                write!(f, "{cache}; hit; ttl={ttl_secs}")?;
                detail
            }
            Self::Forwarded { cache, reason, stored, collapsed, detail } => {
                write!(f, "{cache}; fwd={}", reason.token())?;
                if *stored {
                    f.write_str("; stored")?;
                }
                if *collapsed {
                    f.write_str("; collapsed")?;
                }
                detail
            }
        };
        detail.map_or(Ok(()), |detail| write!(f, "; detail={detail}"))
    }
}

/// Whether a `Cache-Status` value says that the response came from `cache`.
#[must_use]
pub fn is_hit(value: &str, cache: &str) -> bool {
    split_unquoted(value, ',').any(|member| {
        let mut parts = split_unquoted(member, ';');
        parts.next() == Some(cache) && parts.any(|parameter| parameter == "hit")
    })
}
