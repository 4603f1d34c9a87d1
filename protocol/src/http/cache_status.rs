//! `Cache-Status` (RFC 9211): what each cache did with a request, written and read.

use std::fmt;

use crate::http::field::split_unquoted;

/// Why a request went on to the next hop (RFC 9211 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// The cache does not handle this request.
    Bypass,
    /// A method that it cannot answer.
    Method,
    /// Nothing was stored for this key.
    UriMiss,
    /// What was stored is stale, or older than the caller has seen.
    Stale,
    /// The request asked for it.
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
    /// Answered from the cache.
    Hit {
        /// Who.
        cache: &'static str,
        /// Seconds until it is stale; negative when it was used stale.
        ttl_secs: i64,
        /// Implementation-specific, a token.
        detail: Option<&'static str>,
    },
    /// Passed on.
    Forwarded {
        /// Who.
        cache: &'static str,
        /// Why.
        reason: Forward,
        /// Whether the answer was kept.
        stored: bool,
        /// Whether another request's fetch was waited for.
        collapsed: bool,
        /// Anything more, a token.
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

/// Whether `cache` says in a `Cache-Status` value that it answered.
#[must_use]
pub fn is_hit(value: &str, cache: &str) -> bool {
    split_unquoted(value, ',').any(|member| {
        let mut parts = split_unquoted(member, ';');
        parts.next() == Some(cache) && parts.any(|parameter| parameter == "hit")
    })
}
