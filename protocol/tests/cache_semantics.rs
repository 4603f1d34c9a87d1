//! `http-cache-semantics`, which knows RFC 7234 for shared caches, says whether a response may be stored, how old and how fresh it
//! is, and what a 304 makes of it. Ours says the same but for the differences that are intended: each stands here, with its reason.

#![expect(clippy::expect_used, reason = "what a test sets up is there, or the test fails")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_cache_semantics::{AfterResponse, CachePolicy};
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::field::Fields;
use kairos_protocol::http::freshness::{Freshness, evaluate, response_age_secs, response_lifetime};
use kairos_protocol::http::storability::{check_exchange, check_fields};
use kairos_protocol::http::validation::freshened;
use kairos_protocol::http::vary::varies_beyond;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// When requests are sent and responses come, in milliseconds since 1970.
const THEN: i64 = 784_111_777_000;

fn at(unix_ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(unix_ms.try_into().expect("after 1970"))
}

/// An HTTP-date.
fn date(unix_ms: i64) -> String {
    httpdate::fmt_http_date(at(unix_ms))
}

/// One request and the response to it.
#[derive(Clone, Debug)]
struct Exchange {
    method: &'static str,
    request: Fields,
    status: u16,
    response: Fields,
}

impl Exchange {
    /// A complete response to a plain `GET`.
    fn get(response: Fields) -> Self {
        Self { method: "GET", request: Fields::default(), status: 200, response }
    }

    fn oracle(&self) -> CachePolicy {
        let request = request(self.method, &self.request);
        let response = response(self.status, &self.response);
        CachePolicy::new_options(&request, &response, at(THEN), http_cache_semantics::CacheOptions::default())
    }

    /// Whether ours may be stored.
    fn is_storable(&self) -> bool {
        check_exchange(self.method, &directives(&self.request), self.status).is_ok()
            && check_fields(&self.response, &[]).is_ok()
    }
}

fn request(method: &str, fields: &Fields) -> http::Request<()> {
    let builder = http::Request::builder().method(method).uri("https://origin.test/");
    fields.iter().fold(builder, |builder, (name, value)| builder.header(name, value)).body(()).expect("a request")
}

fn response(status: u16, fields: &Fields) -> http::Response<()> {
    let builder = http::Response::builder().status(status);
    fields.iter().fold(builder, |builder, (name, value)| builder.header(name, value)).body(()).expect("a response")
}

fn directives(fields: &Fields) -> CacheControl {
    fields.get("cache-control").map(CacheControl::parse).unwrap_or_default()
}

fn any_secs() -> impl Strategy<Value = String> {
    prop_oneof![8 => (0..100_u32).prop_map(|secs| secs.to_string()), 1 => Just("x".to_owned())]
}

/// Directives of a response. None comes twice: there ours takes the smaller number and the oracle forbids serving stale.
fn any_response_directives() -> impl Strategy<Value = String> {
    let plain = vec!["no-store", "no-cache", "private", "public", "must-revalidate", "proxy-revalidate", "x=\"y\""];
    let counted = vec!["max-age", "s-maxage", "stale-if-error", "stale-while-revalidate"];
    let counted = subsequence(counted, 0..=4).prop_flat_map(|names| {
        names.into_iter().map(|name| any_secs().prop_map(move |secs| format!("{name}={secs}"))).collect::<Vec<_>>()
    });
    // Mostly few, or next to nothing would be storable.
    (counted, prop_oneof![subsequence(plain.clone(), 0..=1), subsequence(plain, 0..=7)])
        .prop_map(|(counted, plain)| [counted, plain.into_iter().map(str::to_owned).collect()].concat().join(", "))
}

/// `names` are taken or left out; `Expires` and `Last-Modified` are what heuristics go by.
fn any_response() -> impl Strategy<Value = Fields> {
    let secs_ago = || option::of(-50..100_i64);
    (
        option::of(any_response_directives()),
        option::of(0..100_u32),
        secs_ago(),
        secs_ago(),
        option::weighted(0.1, Just("a=b")),
    )
        .prop_map(|(directives, age, expires, modified, cookie)| {
            let pairs = [
                ("cache-control", directives),
                ("age", age.map(|secs| secs.to_string())),
                ("expires", expires.map(|secs| date(THEN - secs * 1_000))),
                ("last-modified", modified.map(|secs| date(THEN - secs * 1_000))),
                ("set-cookie", cookie.map(str::to_owned)),
            ];
            pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
        })
}

/// A response that may be stored and is fresh for a while. Without `proxy-revalidate`: the oracle takes it for no freshness at all,
/// but it only forbids serving stale (RFC 9111 §5.2.2.8).
fn any_storable_response() -> impl Strategy<Value = Fields> {
    let lifetime = select(vec!["max-age=60", "s-maxage=60", "max-age=60, s-maxage=30", "s-maxage=90, max-age=0"]);
    let others = subsequence(vec!["public", "must-revalidate", "stale-if-error=50", "stale-while-revalidate=x"], 0..=4);
    (lifetime, others, option::of(0..100_u32)).prop_map(|(lifetime, others, age)| {
        let directives = [vec![lifetime], others].concat().join(", ");
        let age = age.map(|secs| ("age", secs.to_string()));
        age.into_iter().chain([("cache-control", directives)]).collect()
    })
}

fn any_exchange() -> impl Strategy<Value = Exchange> {
    let method = prop_oneof![4 => Just("GET"), 1 => select(vec!["HEAD", "POST", "PUT", "DELETE"])];
    let status = prop_oneof![4 => Just(200), 1 => select(vec![201, 204, 206, 301, 404, 500])];
    let request = option::of(select(vec!["no-store", "no-cache", "max-age=5, no-store"]));
    (method, request, status, any_response()).prop_map(|(method, directives, status, response)| {
        let request = directives.map(|value| ("cache-control", value)).into_iter().collect();
        Exchange { method, request, status, response }
    })
}

/// What ours does not store although RFC 7234 lets it. It is a shared cache that fails closed:
fn is_refused_beyond_the_rfc(exchange: &Exchange) -> bool {
    let directives = directives(&exchange.response);
    // Nothing but complete responses to `GET`.
    exchange.method != "GET"
        || exchange.status != 200
        // `no-cache` forbids storing: what has to be validated each time is not worth its place.
        || directives.no_cache
        // No heuristics, no `Expires`: the response must say how long it is fresh, and be so for a second at least.
        || directives.s_maxage.or(directives.max_age).unwrap_or(0) == 0
        // A cookie is one user's, whatever else the response says.
        || exchange.response.get("set-cookie").is_some()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn what_is_storable_is_so_by_the_rfc_and_not_refused_beyond_it(exchange in any_exchange()) {
        let expected = exchange.oracle().is_storable() && !is_refused_beyond_the_rfc(&exchange);
        prop_assert_eq!(exchange.is_storable(), expected);
    }

    #[test]
    fn age_and_time_to_live_are_those_of_the_rfc(response in any_storable_response(), resident_ms in 0..200_000_i64) {
        let exchange = Exchange::get(response);
        prop_assert!(exchange.is_storable());
        let (oracle, now) = (exchange.oracle(), THEN + resident_ms);
        let age_secs = response_age_secs(&exchange.response, THEN, now);
        prop_assert_eq!(u64::from(age_secs), oracle.age(at(now)).as_secs());
        let lifetime = response_lifetime(&exchange.response, &[]).expect("a lifetime");
        prop_assert_eq!(age_secs < lifetime.fresh_secs, !oracle.is_stale(at(now)));
        let ttl_secs = lifetime.fresh_secs.saturating_sub(age_secs);
        prop_assert_eq!(u64::from(ttl_secs), oracle.time_to_live(at(now - now % 1_000)).as_secs());
    }

    /// RFC 9111 §4.2.3 takes the larger of what `Age` says and the time since `Date`. The oracle takes `Age` alone.
    #[test]
    fn age_is_no_less_than_the_time_since_the_date(age in option::of(0..100_u32), date_ms in -99..99_i64, resident_ms in 0..200_000_i64) {
        let (now, made_at) = (THEN + resident_ms, THEN - date_ms * 1_000);
        let mut response: Fields = age.map(|secs| ("age", secs.to_string())).into_iter().collect();
        response.set("date", date(made_at));
        let exchange = Exchange::get(response);
        let since_date_secs = u64::try_from((now - made_at) / 1_000).unwrap_or(0);
        let expected = exchange.oracle().age(at(now)).as_secs().max(since_date_secs);
        prop_assert_eq!(u64::from(response_age_secs(&exchange.response, THEN, now)), expected);
    }

    /// A clock that was set back: the oracle goes on as if no time had passed, ours does not know the age and calls it the greatest.
    #[test]
    fn a_response_from_the_future_is_used_by_the_oracle_alone(ahead_ms in 1_000..100_000_i64) {
        let exchange = Exchange::get([("cache-control", "max-age=60")].into_iter().collect());
        let now = THEN - ahead_ms;
        prop_assert!(!exchange.oracle().is_stale(at(now)));
        prop_assert_eq!(response_age_secs(&exchange.response, THEN, now), u32::MAX);
    }

    /// In whole seconds, as the wire has them: the oracle also counts their parts. `min-fresh` and `max-stale` are left out, since
    /// ours does not know them (RFC 9111 §5.2.1 leaves it free to).
    #[test]
    fn a_request_is_satisfied_by_what_is_fresh_enough_for_it(
        response in any_storable_response(),
        asked in select(vec!["", "no-cache", "max-age=1", "max-age=20", "max-age=90, x", "max-age=0"]),
        resident_secs in 0..200_i64,
    ) {
        let exchange = Exchange::get(response);
        let now = THEN + resident_secs * 1_000;
        let lifetime = response_lifetime(&exchange.response, &[]).expect("a lifetime");
        let age_secs = response_age_secs(&exchange.response, THEN, now);
        let is_fresh = matches!(evaluate(age_secs, lifetime, &CacheControl::parse(asked)), Freshness::Fresh { .. });
        let asked_fields = [("cache-control", asked)].into_iter().collect();
        let by_oracle = exchange.oracle().before_request(&request("GET", &asked_fields), at(now));
        // `max-age=0` is what a browser sends for a reload: ours takes it so, even in the second in which the response was made.
        prop_assert_eq!(is_fresh, by_oracle.satisfies_without_revalidation() && asked != "max-age=0");
    }

    /// Where the keys tell apart what a response varies by, it may be used for any request under its key.
    #[test]
    fn a_response_that_varies_no_further_matches_every_request_under_its_key(
        vary in proptest::collection::vec(select(vec!["Accept-Encoding", "accept-language", "User-Agent", "*", ""]), 0..3),
    ) {
        let response: Fields = [("cache-control", "max-age=60"), ("vary", &vary.join(","))].into_iter().collect();
        let one = [("accept-encoding", "br"), ("accept-language", "fr"), ("user-agent", "a")].into_iter().collect();
        let other = [("accept-encoding", "br"), ("accept-language", "de"), ("user-agent", "b")].into_iter().collect();
        let exchange = Exchange { request: one, ..Exchange::get(response) };
        let by_oracle = exchange.oracle().before_request(&request("GET", &other), at(THEN));
        let varies = varies_beyond(&exchange.response, &["accept-encoding"]);
        prop_assert_eq!(!varies, by_oracle.satisfies_without_revalidation());
    }

    /// The oracle leaves out the fields that only the 304 has; RFC 9111 §3.2 adds them, and so does ours. `Age` and `Date` it
    /// writes anew.
    #[test]
    fn a_304_replaces_the_same_fields(
        stored in subsequence(vec!["cache-control", "content-encoding", "content-length", "content-range", "vary", "x-a"], 0..=6),
        update in subsequence(vec!["cache-control", "content-encoding", "content-length", "content-range", "vary", "x-b"], 0..=6),
    ) {
        let fields = |names: &[&'static str], value: &str| -> Fields {
            names.iter().map(|name| (*name, value)).chain([("etag", "\"same\"")]).collect()
        };
        let (stored, update) = (fields(&stored, "public"), fields(&update, "private"));
        let exchange = Exchange::get(stored.clone());
        let after = exchange.oracle().after_response(&request("GET", &Fields::default()), &response(304, &update), at(THEN));
        let AfterResponse::NotModified(_, merged) = after else {
            return Err(TestCaseError::fail("the oracle takes another response for it"));
        };
        let ours = freshened(&stored, &update);
        for (name, _) in stored.iter() {
            let by_oracle = merged.headers.get(name).and_then(|value| value.to_str().ok());
            prop_assert_eq!(ours.get(name), by_oracle, "{}", name);
        }
        prop_assert!(update.iter().all(|(name, _)| ours.get(name).is_some() || name.starts_with("content-")));
    }
}
