//! What a shared cache may store: which responses, and which of their fields (RFC 9111 §3). Not what a response varies by, for that
//! depends on what the cache's keys tell apart ([`crate::http::vary`]); nor anything that one cache demands beyond this.
//!
//! Stricter than the RFC: only complete `GET` responses with status 200 that say how long they are fresh, and none with a cookie.

use crate::http::cache_control::CacheControl;
use crate::http::field::Fields;
use crate::http::freshness::{FreshnessLifetime, response_lifetime};

/// Why a response may not be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStorable {
    /// The request's method is not `GET`.
    Method,
    /// The request says `no-store` (RFC 9111 §5.2.1.5).
    Request,
    /// The status is not 200.
    Status,
    /// Its directives forbid it, or give no freshness.
    Directives,
    /// It sets a cookie. RFC 9111 §7.3 leaves it to the origin to say `private`; whoever forgets it gives a user's cookie to all.
    SetCookie,
}

/// Fields that are not stored: those of one connection (RFC 9110 §7.6.1), those that are for a proxy (RFC 9111 §3.1), and what
/// speaks of one request or one user rather than of the response: the caches that the request came by (RFC 9211 §2), and cookies.
const NOT_STORED: &[&str] = &[
    "cache-status",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Checks what a response responds to: the request's `method` (in capitals) and directives, and with which `status`.
///
/// # Errors
/// The first reason against storing it.
pub fn check_exchange(method: &str, request: &CacheControl, status: u16) -> Result<(), NotStorable> {
    if method != "GET" {
        return Err(NotStorable::Method);
    }
    if request.no_store {
        return Err(NotStorable::Request);
    }
    if status == 200 { Ok(()) } else { Err(NotStorable::Status) }
}

/// Checks what the `fields` of a response say, and gives its lifetime. `target_list` names the fields of targeted cache control
/// that this cache obeys, in order (RFC 9213 §2.2).
///
/// # Errors
/// The first reason against storing it.
pub fn check_fields(fields: &Fields, target_list: &[&str]) -> Result<FreshnessLifetime, NotStorable> {
    let lifetime = response_lifetime(fields, target_list).ok_or(NotStorable::Directives)?;
    if fields.get("set-cookie").is_some() { Err(NotStorable::SetCookie) } else { Ok(lifetime) }
}

/// Takes out the fields that are not stored (RFC 9111 §3.1).
pub fn remove_unstorable(fields: &mut Fields) {
    fields.remove(NOT_STORED);
}
