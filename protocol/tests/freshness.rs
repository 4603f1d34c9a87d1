//! Whether a stored response is fresh enough: ages, lifetimes, what the caller asks for, and what a response's directives allow a
//! shared cache (RFC 9111 §3, §4.2; RFC 5861; RFC 9213).

use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::freshness::Freshness::{Expired, Fresh, StaleIfError, StaleWhileRevalidate};
use kairos_protocol::http::freshness::FreshnessLifetime;
use kairos_protocol::http::freshness::{age_secs, age_value_secs, current_age_secs, evaluate, shared_lifetime};

const fn lifetime(fresh_secs: u32, stale_while_revalidate_secs: u32, stale_if_error_secs: u32) -> FreshnessLifetime {
    FreshnessLifetime { fresh_secs, stale_while_revalidate_secs, stale_if_error_secs }
}

#[test]
fn age_grows_with_the_clock_and_is_not_known_of_what_lies_in_the_future() {
    for (stored_at, age_when_stored, now, age) in [
        (1_000, 0, 1_000, 0),
        (1_000, 0, 1_999, 0),
        (1_000, 0, 2_000, 1),
        (1_000, 7, 61_000, 67),
        (1_999, 7, 1_000, 7),
        (2_000, 7, 1_000, u32::MAX),
        (61_000, 0, 1_000, u32::MAX),
        (i64::MAX, 7, i64::MIN, u32::MAX),
        (i64::MIN, 0, i64::MAX, u32::MAX),
        (0, u32::MAX, 60_000, u32::MAX),
    ] {
        assert_eq!(age_secs(stored_at, age_when_stored, now), age, "stored at {stored_at}, now {now}");
    }
}

#[test]
fn what_lies_in_the_future_is_expired_in_every_lifetime() {
    for lifetime in [lifetime(60, 30, 600), lifetime(u32::MAX, u32::MAX, u32::MAX)] {
        for request in ["", "max-age=4000000000"] {
            let age = age_secs(61_000, 0, 60_000);
            assert_eq!(evaluate(age, lifetime, &CacheControl::parse(request)), Expired, "{request:?} in {lifetime:?}");
        }
    }
}

#[test]
fn current_age_counts_from_the_request_and_from_the_date() {
    for (requested_at, age_value, date, now, age) in [
        (10_000, 0, None, 10_500, 0),
        (10_000, 0, None, 14_000, 4),
        (10_000, 30, None, 14_000, 34),
        (10_000, 0, Some(10_000), 14_000, 4),
        (10_000, 0, Some(5_000), 14_000, 9),
        (10_000, 30, Some(5_000), 14_000, 34),
        (10_000, 2, Some(5_000), 14_000, 9),
        // An origin whose clock is ahead.
        (10_000, 0, Some(90_000), 14_000, 4),
        (10_000, 3, Some(i64::MAX), 14_000, 7),
        (10_000, 0, Some(i64::MIN), i64::MAX, u32::MAX),
        // Our own clock was set back.
        (90_000, 0, Some(10_000), 14_000, u32::MAX),
        (10_000, u32::MAX, None, 14_000, u32::MAX),
    ] {
        let found = current_age_secs(requested_at, age_value, date, now);
        assert_eq!(found, age, "requested at {requested_at}, Age {age_value}, Date {date:?}, now {now}");
    }
}

#[test]
fn an_age_field_is_its_first_member_if_that_is_a_whole_number() {
    for (field, secs) in [
        ("0", 0),
        ("7200", 7_200),
        (" 5 ", 5),
        ("7200, 0", 7_200),
        ("0, 7200", 0),
        ("2147483648", 1 << 31),
        ("99999999999999999999", 1 << 31),
        ("", 0),
        ("abc", 0),
        ("-7200", 0),
        ("7200.0", 0),
        ("\"7200\"", 0),
        ("7200;foo=bar", 0),
        (", 7200", 0),
    ] {
        assert_eq!(age_value_secs(field), secs, "{field:?}");
    }
}

#[test]
fn a_response_is_as_fresh_as_its_age_in_its_lifetime() {
    let both = lifetime(60, 30, 600);
    for (age, lifetime, expected) in [
        (0, both, Fresh { ttl_secs: 60 }),
        (59, both, Fresh { ttl_secs: 1 }),
        (60, both, StaleWhileRevalidate),
        (89, both, StaleWhileRevalidate),
        (90, both, StaleIfError),
        (659, both, StaleIfError),
        (660, both, Expired),
        (u32::MAX, both, Expired),
        (0, lifetime(0, 0, 0), Expired),
        (0, lifetime(0, 0, 1), StaleIfError),
        (60, lifetime(60, 0, 0), Expired),
        (100, lifetime(60, 600, 0), StaleWhileRevalidate),
        (u32::MAX - 1, lifetime(u32::MAX, u32::MAX, u32::MAX), Fresh { ttl_secs: 1 }),
        (u32::MAX, lifetime(u32::MAX, u32::MAX, u32::MAX), Expired),
    ] {
        assert_eq!(evaluate(age, lifetime, &CacheControl::default()), expected, "at {age} s in {lifetime:?}");
    }
}

#[test]
fn the_caller_may_ask_for_less_age() {
    let both = lifetime(60, 30, 600);
    for (request, age, expected) in [
        ("no-cache", 1, StaleIfError),
        ("no-cache", 700, Expired),
        ("max-age=0", 0, StaleIfError),
        ("max-age=x", 0, StaleIfError),
        ("max-age=10", 10, Fresh { ttl_secs: 50 }),
        ("max-age=10", 11, StaleIfError),
        ("max-age=600", 59, Fresh { ttl_secs: 1 }),
        ("max-age=600", 60, StaleIfError),
        ("stale-if-error=9, only-if-cached", 60, StaleWhileRevalidate),
    ] {
        assert_eq!(evaluate(age, both, &CacheControl::parse(request)), expected, "{request} at {age} s");
    }
}

#[test]
fn only_what_says_so_may_be_stored_by_a_shared_cache() {
    for (targeted, general, allowed) in [
        (None, "max-age=60", Some(lifetime(60, 0, 0))),
        (None, "max-age=60, s-maxage=600", Some(lifetime(600, 0, 0))),
        (None, "s-maxage=60", Some(lifetime(60, 0, 0))),
        (None, "max-age=60, stale-while-revalidate=5, stale-if-error=9", Some(lifetime(60, 5, 9))),
        // §5.2.2.10: s-maxage includes proxy-revalidate.
        (None, "s-maxage=60, stale-while-revalidate=5, stale-if-error=9", Some(lifetime(60, 0, 0))),
        (None, "max-age=60, stale-if-error=9, must-revalidate", Some(lifetime(60, 0, 0))),
        (None, "max-age=60, stale-if-error=9, proxy-revalidate", Some(lifetime(60, 0, 0))),
        (None, "", None),
        (None, "public", None),
        (None, "max-age=0", None),
        (None, "max-age=60, s-maxage=0", None),
        (None, "max-age=banana", None),
        (None, "max-age=60, private", None),
        (None, "max-age=60, no-store", None),
        (None, "max-age=60, no-cache", None),
        (None, "max-age=60, private=\"x\"", None),
        (Some("max-age=300, stale-if-error=9"), "public, no-cache", Some(lifetime(300, 0, 9))),
        (Some("max-age=1"), "max-age=600", Some(lifetime(1, 0, 0))),
        (Some("max-age=600"), "max-age=1", Some(lifetime(600, 0, 0))),
        (Some(""), "max-age=600", None),
        (Some("&&&&&"), "max-age=600", None),
        (Some("no-store"), "max-age=600", None),
        (Some("max-age=60, private"), "max-age=600", None),
        // Stricter than RFC 9213: what is private or not to be stored stays so.
        (Some("max-age=600"), "private", None),
        (Some("max-age=600"), "no-store", None),
    ] {
        let read = targeted.map(CacheControl::parse);
        let found = shared_lifetime(read.as_ref(), &CacheControl::parse(general));
        assert_eq!(found, allowed, "targeted {targeted:?}, general {general}");
    }
}
