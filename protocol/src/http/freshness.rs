//! Whether a stored response is fresh enough: its age, its lifetime, and what a request says of both (RFC 9111 §4.2, RFC 5861,
//! RFC 9213). Not whether it may be stored ([`crate::http::storability`]).

use crate::UnixMillis;
use crate::http::cache_control::{CacheControl, delta_secs};
use crate::http::field::Fields;

/// For how long a stored response may be used, in seconds from when it was generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreshnessLifetime {
    /// Reused without validation (RFC 9111 §4.2.1).
    pub fresh_secs: u32,
    /// After that, reused while it is revalidated in the background (RFC 5861 §3).
    pub stale_while_revalidate_secs: u32,
    /// After `fresh_secs`, reused when the origin fails (RFC 5861 §4).
    pub stale_if_error_secs: u32,
}

impl FreshnessLifetime {
    /// Not to be stored at all.
    pub const NONE: Self = Self::new(0, 0, 0);

    /// All three, in seconds.
    #[must_use]
    pub const fn new(fresh_secs: u32, stale_while_revalidate_secs: u32, stale_if_error_secs: u32) -> Self {
        Self { fresh_secs, stale_while_revalidate_secs, stale_if_error_secs }
    }
}

/// What may be done with a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Use it.
    Fresh {
        /// Seconds until it is stale.
        ttl_secs: u32,
    },
    /// Use it, and revalidate it meanwhile.
    StaleWhileRevalidate,
    /// Validate it first; use it if that fails.
    StaleIfError,
    /// Do not use it.
    Expired,
}

/// Seconds since `stored_at`, plus the age it had then. A response stored a second or more in the future has [`u32::MAX`]: a
/// clock was set back, nobody can say how old it is, and [`evaluate`] calls it [`Freshness::Expired`] in every lifetime. (Less than
/// a second is how concurrent requests and processes read their clocks, and counts as none.)
#[must_use]
pub fn age_secs(stored_at: UnixMillis, age_when_stored_secs: u32, now: UnixMillis) -> u32 {
    let resident_secs = now.saturating_sub(stored_at) / 1_000;
    u32::try_from(resident_secs).unwrap_or(u32::MAX).saturating_add(age_when_stored_secs)
}

/// The current age of a response that came over HTTP, in seconds (RFC 9111 §4.2.3): since it was requested, plus the `Age` it
/// came with, and no less than since its `Date`. A `Date` in the future says nothing; a `requested_at` there is as in
/// [`age_secs`]. Counting from the request covers the response's delay: it may have been made at the very beginning.
#[must_use]
pub fn current_age_secs(
    requested_at: UnixMillis,
    age_value_secs: u32,
    date: Option<UnixMillis>,
    now: UnixMillis,
) -> u32 {
    let apparent_secs = date.filter(|date| *date <= now).map_or(0, |date| age_secs(date, 0, now));
    age_secs(requested_at, age_value_secs, now).max(apparent_secs)
}

/// The [current age](current_age_secs) of the response with `fields`, in seconds.
#[must_use]
pub fn response_age_secs(fields: &Fields, requested_at: UnixMillis, now: UnixMillis) -> u32 {
    let age_value_secs = fields.get("age").map_or(0, age_value_secs);
    current_age_secs(requested_at, age_value_secs, fields.get("date").and_then(parse_date), now)
}

/// Reads an `Age` field, in seconds: its first member, and 0 when that is no whole number (RFC 9111 §5.1).
#[must_use]
pub fn age_value_secs(field: &str) -> u32 {
    let first = field.split(',').next().unwrap_or_default();
    delta_secs(first.trim()).unwrap_or(0)
}

/// Reads an HTTP-date (RFC 9110 §5.6.7). `None`: it is none, or before 1970.
#[must_use]
pub fn parse_date(field: &str) -> Option<UnixMillis> {
    // Counted from a date read in the same way: the module that has 1970 as a constant has the clock too, and stays out of here.
    let epoch = httpdate::parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT").ok()?;
    let since_1970 = httpdate::parse_http_date(field).ok()?.duration_since(epoch).ok()?;
    UnixMillis::try_from(since_1970.as_millis()).ok()
}

/// What may be done with a response that is `age_secs` old. `request` holds the caller's own directives: `no-cache` and a smaller
/// `max-age` make it [`Freshness::StaleIfError`] at best, and so does `max-age=0`, however young it is. A caller that gives any
/// `max-age` does not want what is stale (RFC 9111 §5.2.1.1): it is never served stale while it is revalidated.
#[must_use]
pub fn evaluate(age_secs: u32, lifetime: FreshnessLifetime, request: &CacheControl) -> Freshness {
    let caller_accepts = !request.no_cache && request.max_age.is_none_or(|most| age_secs <= most && most > 0);
    let within = |extra: u32| age_secs < lifetime.fresh_secs.saturating_add(extra);
    if caller_accepts && within(0) {
        return Freshness::Fresh { ttl_secs: lifetime.fresh_secs - age_secs };
    }
    if caller_accepts && request.max_age.is_none() && within(lifetime.stale_while_revalidate_secs) {
        return Freshness::StaleWhileRevalidate;
    }
    if within(lifetime.stale_if_error_secs) { Freshness::StaleIfError } else { Freshness::Expired }
}

/// The lifetime that a response's directives give it in a shared cache: that of `targeted` (RFC 9213) where there is one, else that
/// of `Cache-Control` (RFC 9111 §4.2.1). `None`: it may not be stored. There is no heuristic freshness: what does not say is not
/// stored.
///
/// Stricter than the RFCs where that is safer: `no-store` and `private` forbid storing wherever they stand, and `no-cache`
/// does so too.
#[must_use]
pub fn shared_lifetime(targeted: Option<&CacheControl>, general: &CacheControl) -> Option<FreshnessLifetime> {
    let directives = targeted.unwrap_or(general);
    let forbidden = directives.no_store || directives.private || directives.no_cache;
    let fresh_secs = directives.s_maxage.or(directives.max_age)?;
    if forbidden || general.no_store || general.private || fresh_secs == 0 {
        return None;
    }
    let strict = directives.must_revalidate || directives.proxy_revalidate || directives.s_maxage.is_some();
    let stale = |secs: Option<u32>| if strict { 0 } else { secs.unwrap_or(0) };
    Some(FreshnessLifetime {
        fresh_secs,
        stale_while_revalidate_secs: stale(directives.stale_while_revalidate),
        stale_if_error_secs: stale(directives.stale_if_error),
    })
}

/// The [lifetime](shared_lifetime) of the response with `fields`. `target_list` names the fields of targeted cache control that
/// this cache obeys; the first that is there counts (RFC 9213 §2.2), even with nothing in it.
#[must_use]
pub fn response_lifetime(fields: &Fields, target_list: &[&str]) -> Option<FreshnessLifetime> {
    let read = |name: &str| fields.get(name).map(CacheControl::parse);
    let targeted = target_list.iter().find_map(|name| read(name));
    shared_lifetime(targeted.as_ref(), &read("cache-control").unwrap_or_default())
}
