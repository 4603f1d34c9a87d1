//! What is decided about a stored response, as tables: by its generations, its age, and what the caller says.

use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::cache_status::Forward::{Request, Stale, UriMiss};
use kairos_protocol::policy::Policy;

use super::Reuse::{Forward, Hit, StaleWhileRevalidate};
use super::*;

/// Fresh for a minute, for ten seconds more while it is loaded anew, and of use for ten minutes when the store is down.
const LIFETIME: FreshnessLifetime = FreshnessLifetime::new(60, 10, 600);

const NOW: UnixMillis = 1_790_000_000_000;

fn stored(generations: &str, age_ms: i64) -> Metadata {
    Metadata {
        generations: Generations::parse(generations),
        module: None,
        generated_at: NOW - age_ms,
        load_micros: 5_000,
    }
}

fn request(reported: &str, cache_control: &str) -> CacheRequest {
    CacheRequest {
        reported: Generations::parse(reported),
        cache_control: CacheControl::parse(cache_control),
        ..CacheRequest::default()
    }
}

#[test]
fn a_stored_response_is_used_if_it_is_current_and_fresh() {
    for (generations, current, age_ms, reuse) in [
        ("catalog=5", "catalog=5", 0, Hit { ttl_secs: 60 }),
        ("catalog=5", "catalog=5", 999, Hit { ttl_secs: 60 }),
        ("catalog=5", "catalog=5", 59_999, Hit { ttl_secs: 1 }),
        ("catalog=5", "catalog=5", 60_000, StaleWhileRevalidate),
        ("catalog=5", "catalog=5", 69_999, StaleWhileRevalidate),
        ("catalog=5", "catalog=5", 70_000, Forward(Stale)),
        ("catalog=5", "catalog=6", 60_000, Forward(Stale)),
        ("catalog=5", "catalog=5", 700_000, Forward(Stale)),
        // From before a clock was set back.
        ("catalog=5", "catalog=5", -1, Forward(Stale)),
        ("catalog=5", "catalog=5", -3_600_000, Forward(Stale)),
        // Another number names another state, also a smaller one: the store was put back.
        ("catalog=4", "catalog=5", 0, Forward(Stale)),
        ("catalog=6", "catalog=5", 0, Forward(Stale)),
        ("", "catalog=5", 0, Forward(Stale)),
        ("user.ada=5", "catalog=5", 0, Forward(Stale)),
        ("catalog=5, user.ada=1", "catalog=5", 0, Forward(Stale)),
        ("catalog=5, user.ada=1", "catalog=5, user.ada=2", 0, Forward(Stale)),
    ] {
        let (stored, current) = (stored(generations, age_ms), Generations::parse(current));
        let found = evaluate(&stored, &request("", ""), LIFETIME, &current, NOW);
        assert_eq!(found, reuse, "made from {generations:?}, now {current}, {age_ms} ms old");
    }
}

#[test]
fn the_caller_may_want_a_younger_one() {
    for (cache_control, age_ms, reuse) in [
        ("no-cache", 0, Forward(Request)),
        ("no-cache", 60_000, Forward(Request)),
        ("max-age=0", 0, Forward(Stale)),
        ("max-age=10", 10_999, Hit { ttl_secs: 50 }),
        ("max-age=10", 11_000, Forward(Stale)),
        ("max-age=600", 60_000, Forward(Stale)),
        ("max-age=600", 59_999, Hit { ttl_secs: 1 }),
        // It is about storing, not about what is stored.
        ("no-store", 0, Hit { ttl_secs: 60 }),
        ("no-store", 60_000, Forward(Request)),
        ("only-if-cached", 0, Hit { ttl_secs: 60 }),
    ] {
        let (stored, current) = (stored("catalog=5", age_ms), Generations::parse("catalog=5"));
        let found = evaluate(&stored, &request("", cache_control), LIFETIME, &current, NOW);
        assert_eq!(found, reuse, "{cache_control} at {age_ms} ms");
    }
}

#[test]
fn what_was_reported_does_not_make_a_current_one_old() {
    // The look-up of the current generations has taken it into account: what the store does not know was never given out.
    let (stored, current) = (stored("catalog=5", 0), Generations::parse("catalog=5"));
    assert_eq!(evaluate(&stored, &request("catalog=9", ""), LIFETIME, &current, NOW), Hit { ttl_secs: 60 });
}

#[test]
fn without_a_stored_response_it_is_a_miss_or_the_callers_wish() {
    for (cache_control, reason) in [("", UriMiss), ("max-age=0", UriMiss), ("no-cache", Request), ("no-store", Request)]
    {
        assert_eq!(why_forwarded(None, &request("", cache_control)), reason, "{cache_control}");
    }
}

#[test]
fn a_stale_one_is_served_if_the_store_is_down_and_the_caller_has_not_seen_more() {
    for (generations, reported, cache_control, age_ms, ttl_secs) in [
        // Not current, perhaps, though young: nobody can say.
        ("catalog=5", "", "", 0, Some(0)),
        ("catalog=5", "", "", 60_000, Some(0)),
        ("catalog=5", "", "", 61_000, Some(-1)),
        ("catalog=5", "", "", 659_999, Some(-599)),
        ("catalog=5", "", "", 660_000, None),
        ("catalog=5", "catalog=4", "", 61_000, Some(-1)),
        ("catalog=5", "catalog=5", "", 61_000, Some(-1)),
        ("catalog=5", "catalog=6", "", 61_000, None),
        ("catalog=5", "catalog=6", "", 0, None),
        ("catalog=5", "user.ada=6", "", 61_000, Some(-1)),
        // Better than none, whatever the caller would have liked.
        ("catalog=5", "", "no-cache", 61_000, Some(-1)),
        ("catalog=5", "", "max-age=0", 0, Some(0)),
        ("catalog=5", "", "", -1, None),
    ] {
        let (stored, request) = (stored(generations, age_ms), request(reported, cache_control));
        let found = serve_stale_if_error(&stored, &request, LIFETIME, NOW);
        assert_eq!(found, ttl_secs, "from {generations}, {reported:?} reported, {cache_control:?}, {age_ms} ms old");
    }
}

#[test]
fn a_stale_one_is_served_while_the_store_is_slow_to_who_would_take_it() {
    for (generations, reported, cache_control, age_ms, ttl_secs) in [
        ("catalog=5", "", "", 0, Some(0)),
        ("catalog=5", "catalog=5", "", 659_999, Some(-599)),
        ("catalog=5", "catalog=6", "", 0, None),
        ("catalog=5", "", "", 660_000, None),
        // It is about storing, not about what is stored.
        ("catalog=5", "", "no-store", 61_000, Some(-1)),
        ("catalog=5", "", "no-cache", 0, None),
        ("catalog=5", "", "max-age=0", 0, None),
        ("catalog=5", "", "max-age=600", 0, None),
    ] {
        let (stored, request) = (stored(generations, age_ms), request(reported, cache_control));
        let found = serve_stale_if_slow(&stored, &request, LIFETIME, NOW);
        assert_eq!(found, ttl_secs, "from {generations}, {reported:?} reported, {cache_control:?}, {age_ms} ms old");
    }
}

#[test]
fn every_policy_ends() {
    for policy in Policy::ALL {
        let lifetime = policy.at_origin();
        let end_ms = i64::from(lifetime.fresh_secs + lifetime.stale_if_error_secs) * 1_000;
        for (age_ms, is_served) in [(end_ms - 1, end_ms > 0), (end_ms, false)] {
            let found = serve_stale_if_error(&stored("", age_ms), &request("", ""), lifetime, NOW);
            assert_eq!(found.is_some(), is_served, "{policy:?} at {age_ms} ms");
        }
    }
}
