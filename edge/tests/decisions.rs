//! The edge's decisions, as tables: which requests it may answer, when a stored response may be used, what may be stored. Not how
//! it behaves in the runtime: that is `tests/edge`.

use kairos_edge::order::reported_generations;
use kairos_edge::request::CacheRequest;
use kairos_edge::reuse::{Reuse, evaluate, serve_stale_if_error};
use kairos_edge::route::{Lookup, Route, canonical_target, route};
use kairos_edge::storability::{MAX_BODY_BYTES, NotStored, check_storable, check_update_storable};
use kairos_edge::stored_response::StoredResponse;
use kairos_protocol::api::paths;
use kairos_protocol::http::cache_status::Forward;
use kairos_protocol::http::encoding::Encoding;
use kairos_protocol::http::field::Fields;
use kairos_protocol::http::storability::NotStorable;
use kairos_protocol::policy::Policy;
use kairos_protocol::sync::generation::Generations;

/// Header fields, as a table has them.
type Pairs<'a> = &'a [(&'a str, &'a str)];

const NOW: i64 = 1_763_860_000_000;

fn request(method: &str, target: &str, fields: Pairs<'_>) -> CacheRequest {
    let (path, query) = CacheRequest::split_url(target);
    CacheRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        fields: fields.iter().copied().collect(),
        accept_encoding: Some("gzip, br".to_owned()),
    }
}

fn get(target: &str) -> CacheRequest {
    request("GET", target, &[])
}

#[expect(clippy::panic, reason = "a builder of the tests: what is not looked up has no place in them")]
fn lookup(request: &CacheRequest) -> Lookup {
    match route(request) {
        Route::Lookup(lookup) => lookup,
        other => panic!("{request:?} is {other:?}"),
    }
}

/// A page of the catalogue, with some fields replaced; an empty value takes one out.
fn page(changes: Pairs<'_>) -> Fields {
    let mut fields: Fields = [
        ("cache-control", "public, no-cache"),
        ("cdn-cache-control", "max-age=60, stale-if-error=1000"),
        ("content-encoding", "br"),
        ("content-length", "700"),
        ("etag", "\"one\""),
        ("kairos-gen", "catalog=5"),
        ("kairos-policy", "catalog-list"),
        ("vary", "Accept-Encoding"),
    ]
    .into_iter()
    .collect();
    for (name, value) in changes {
        if value.is_empty() {
            fields.remove(&[name]);
        } else {
            fields.set(name, *value);
        }
    }
    fields
}

fn stored(age_secs: i64, changes: Pairs<'_>) -> StoredResponse {
    StoredResponse::new(page(changes), NOW - age_secs * 1_000)
}

fn reuse(stored: Option<&StoredResponse>, request: &CacheRequest) -> Reuse {
    evaluate(stored, request, &reported_generations(request, stored, NOW), NOW)
}

#[test]
fn urls_are_split_into_path_and_query() {
    let cases = [
        ("http://edge:8787/v1/modules?limit=5&q=a?b", ("/v1/modules", "limit=5&q=a?b")),
        ("http://edge/v1/me", ("/v1/me", "")),
        ("http://edge", ("/", "")),
        ("http://edge/a?b#c", ("/a", "b")),
        ("/v1/modules", ("/v1/modules", "")),
    ];
    for (url, expected) in cases {
        assert_eq!(CacheRequest::split_url(url), expected, "{url}");
    }
}

#[test]
fn only_what_everyone_may_share_is_looked_up() {
    for path in [paths::MODULES, paths::MODULES_SEARCH, paths::JWKS, paths::OPENAPI, "/v1/modules/vary"] {
        for method in ["GET", "HEAD"] {
            let lookup = lookup(&request(method, path, &[("authorization", "Bearer x")]));
            assert_eq!((lookup.policy, lookup.is_head), (Policy::of_path(path), method == "HEAD"), "{method} {path}");
        }
    }
    let forwarded = [
        ("GET", paths::ME, Forward::Bypass),
        ("GET", paths::PROGRESS, Forward::Bypass),
        ("GET", paths::STATISTICS, Forward::Bypass),
        ("GET", paths::HISTORY, Forward::Bypass),
        ("GET", paths::HEALTH_READY, Forward::Bypass),
        ("GET", "/v1/modules/", Forward::Bypass),
        ("GET", "/v1/modules/UPPER", Forward::Bypass),
        ("GET", "/v1/modules/a%2fb", Forward::Bypass),
        ("GET", "/v1/unknown", Forward::Bypass),
        ("POST", paths::MODULES, Forward::Method),
        ("PUT", "/v1/modules/vary", Forward::Method),
        ("OPTIONS", paths::MODULES, Forward::Method),
        ("POST", paths::OPERATIONS, Forward::Method),
    ];
    for (method, path, reason) in forwarded {
        assert_eq!(route(&request(method, path, &[])), Route::Forward(reason), "{method} {path}");
    }
    for field in [("content-length", "2"), ("transfer-encoding", "chunked"), ("if-match", "\"a\"")] {
        assert_eq!(route(&request("GET", paths::MODULES, &[field])), Route::Forward(Forward::Bypass), "{field:?}");
    }
    let from_store = ("cache-control", "only-if-cached");
    for (method, path) in [("GET", paths::ME), ("HEAD", paths::HEALTH_READY), ("GET", "/v1/modules?utm=1")] {
        assert_eq!(route(&request(method, path, &[from_store])), Route::NotCached, "{method} {path}");
    }
    assert_eq!(route(&request("POST", paths::OPERATIONS, &[from_store])), Route::Forward(Forward::Method));
    assert_eq!(route(&get(paths::METRICS)), Route::Absent);
    assert_eq!(route(&request("POST", paths::METRICS, &[])), Route::Absent);
}

#[test]
fn a_key_is_the_same_for_every_spelling_of_a_request() {
    let cases = [
        ("limit=5&tag=b", Some("/v1/modules?limit=5&tag=b")),
        ("tag=b&limit=5", Some("/v1/modules?limit=5&tag=b")),
        ("&tag=%62&&limit=5&", Some("/v1/modules?limit=5&tag=b")),
        ("subject=a+b", Some("/v1/modules?subject=a%20b")),
        ("subject=a%20b", Some("/v1/modules?subject=a%20b")),
        ("subject=%C3%AF", Some("/v1/modules?subject=%C3%AF")),
        ("subject=ï", Some("/v1/modules?subject=%C3%AF")),
        ("subject=a%26limit%3D9", Some("/v1/modules?subject=a%26limit%3D9")),
        ("subject", Some("/v1/modules?subject=")),
        ("", Some("/v1/modules")),
        ("limit=5&limit=6", None),
        ("utm=1", None),
        ("Limit=5", None),
        ("subject=%ff", None),
    ];
    for (query, expected) in cases {
        assert_eq!(canonical_target(paths::MODULES, query).as_deref(), expected, "{query}");
    }
    assert_eq!(canonical_target(paths::MODULES, &format!("subject={}", "x".repeat(2_048))), None);
    assert_eq!(canonical_target("/v1/modules/vary", "limit=5"), None);
}

#[test]
fn codings_have_keys_of_their_own() {
    let key_for = |codings: Option<&str>| {
        let request = CacheRequest { accept_encoding: codings.map(str::to_owned), ..get(paths::MODULES) };
        lookup(&request).key()
    };
    let keys = [Some("br"), Some("gzip"), Some("zstd"), None].map(key_for);
    assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), 4, "{keys:?}");
    assert_eq!(key_for(Some("")), key_for(Some("identity")));
    assert_eq!(key_for(Some("gzip;q=0.5, br")), key_for(Some("br")));
}

#[test]
fn a_stored_response_is_used_while_it_is_fresh_and_as_new_as_the_caller_has_seen() {
    let hit = |ttl_secs| Reuse::Hit { ttl_secs };
    let cases: &[(i64, Pairs<'_>, Reuse)] = &[
        (0, &[], hit(60)),
        (59, &[], hit(1)),
        (60, &[], Reuse::Forward(Forward::Stale)),
        (5_000, &[], Reuse::Forward(Forward::Stale)),
        (0, &[("kairos-min-gen", "catalog=5")], hit(60)),
        (0, &[("kairos-min-gen", "catalog=6")], Reuse::Forward(Forward::Stale)),
        (0, &[("kairos-min-gen", "user.ab=9")], hit(60)),
        (10, &[("cache-control", "no-cache")], Reuse::Forward(Forward::Request)),
        (10, &[("cache-control", "max-age=9")], Reuse::Forward(Forward::Request)),
        (10, &[("cache-control", "max-age=10")], hit(50)),
        (70, &[("cache-control", "no-cache")], Reuse::Forward(Forward::Stale)),
        (-5, &[], Reuse::Forward(Forward::Stale)),
        (10, &[("cache-control", "only-if-cached")], hit(50)),
        (60, &[("cache-control", "only-if-cached")], Reuse::NotCached),
        (10, &[("cache-control", "only-if-cached, max-age=9")], Reuse::NotCached),
        (10, &[("cache-control", "only-if-cached"), ("kairos-min-gen", "catalog=6")], Reuse::NotCached),
    ];
    for (age_secs, fields, expected) in cases {
        let request = request("GET", paths::MODULES, fields);
        assert_eq!(reuse(Some(&stored(*age_secs, &[])), &request), *expected, "{age_secs} s, {fields:?}");
    }
    assert_eq!(reuse(None, &get(paths::MODULES)), Reuse::Forward(Forward::UriMiss));
    let unusable = stored(0, &[("cdn-cache-control", "no-store")]);
    assert_eq!(reuse(Some(&unusable), &get(paths::MODULES)), Reuse::Forward(Forward::UriMiss));
}

#[test]
fn age_counts_from_when_the_response_was_made() {
    assert_eq!(stored(10, &[("age", "30")]).age_secs(NOW), 40);
    assert_eq!(stored(10, &[("age", "30, 99")]).age_secs(NOW), 40);
    assert_eq!(stored(10, &[("age", "soon")]).age_secs(NOW), 10);
    // NOW is 01:06:40.
    assert_eq!(stored(10, &[("date", "Sun, 23 Nov 2025 01:06:00 GMT")]).age_secs(NOW), 40);
    assert_eq!(stored(10, &[("date", "Sun, 23 Nov 2025 01:06:00 GMT"), ("age", "50")]).age_secs(NOW), 60);
    assert_eq!(stored(10, &[("date", "Sunday, 23-Nov-25 01:06:00 GMT")]).age_secs(NOW), 40);
    assert_eq!(
        stored(10, &[("date", "Sun, 23 Nov 2025 02:00:00 GMT")]).age_secs(NOW),
        10,
        "the origin's clock is ahead"
    );
    assert_eq!(stored(10, &[("date", "a while ago")]).age_secs(NOW), 10);
    assert_eq!(stored(-10, &[]).age_secs(NOW), u32::MAX, "a clock that went back");
    assert_eq!(stored(10, &[]).store_secs(NOW), 1_050);
    assert_eq!(stored(2_000, &[]).store_secs(NOW), 0);
}

#[test]
fn a_stored_response_is_served_stale_for_a_failed_origin_within_its_lifetime() {
    let cases: &[(i64, Pairs<'_>, Option<i64>)] = &[
        (10, &[], Some(50)),
        (100, &[], Some(-40)),
        (1_059, &[], Some(-999)),
        (1_060, &[], None),
        (100, &[("cache-control", "no-cache")], Some(-40)),
        (100, &[("kairos-min-gen", "catalog=6")], None),
        (-10, &[], None),
    ];
    for (age_secs, fields, expected) in cases {
        let (request, stored) = (request("GET", paths::MODULES, fields), stored(*age_secs, &[]));
        let reported = reported_generations(&request, Some(&stored), NOW);
        assert_eq!(serve_stale_if_error(&stored, &reported, NOW), *expected, "{age_secs} s, {fields:?}");
    }
    let strict = stored(100, &[("cdn-cache-control", "max-age=60, stale-if-error=1000, must-revalidate")]);
    assert_eq!(serve_stale_if_error(&strict, &Generations::default(), NOW), None);
}

#[test]
fn a_response_is_stored_only_when_every_check_holds() {
    let list = get(paths::MODULES);
    let check = |status, changes: Pairs<'_>, request: &CacheRequest| {
        check_storable(status, &page(changes), &lookup(request), request, &reported_generations(request, None, NOW))
    };
    assert_eq!(check(200, &[], &list), Ok(700));
    assert_eq!(check(200, &[("content-encoding", "")], &list), Ok(700));
    assert_eq!(check(200, &[("cdn-cache-control", ""), ("cache-control", "s-maxage=60")], &list), Ok(700));
    assert_eq!(check(200, &[("kairos-gen", "catalog=6")], &list), Ok(700));

    let too_long = (MAX_BODY_BYTES + 1).to_string();
    let refused: &[(&str, &str, NotStored)] = &[
        ("kairos-policy", "", NotStored::Policy),
        ("kairos-policy", "progress", NotStored::Policy),
        ("kairos-policy", "catalog-module", NotStored::Policy),
        ("cdn-cache-control", "no-store", NotStored::NotStorable(NotStorable::Directives)),
        ("cdn-cache-control", "max-age=0", NotStored::NotStorable(NotStorable::Directives)),
        ("cdn-cache-control", "", NotStored::NotStorable(NotStorable::Directives)),
        ("cache-control", "private", NotStored::NotStorable(NotStorable::Directives)),
        ("cache-control", "no-store", NotStored::NotStorable(NotStorable::Directives)),
        ("set-cookie", "a=b", NotStored::NotStorable(NotStorable::SetCookie)),
        ("kairos-degraded", "stale", NotStored::Degraded),
        ("vary", "Accept-Encoding, Authorization", NotStored::Vary),
        ("vary", "*", NotStored::Vary),
        ("content-encoding", "gzip", NotStored::Encoding),
        ("content-encoding", "br, gzip", NotStored::Encoding),
        ("kairos-gen", "", NotStored::Generations),
        ("kairos-gen", "user.ab=5", NotStored::Generations),
        ("content-length", "", NotStored::Length),
        ("content-length", &too_long, NotStored::Length),
    ];
    for (name, value, reason) in refused {
        assert_eq!(check(200, &[(name, value)], &list), Err(*reason), "{name}: {value}");
    }
    for status in [201, 203, 206, 301, 404, 500] {
        assert_eq!(check(status, &[], &list), Err(NotStored::NotStorable(NotStorable::Status)), "{status}");
    }
    assert_eq!(
        check(200, &[], &request("HEAD", paths::MODULES, &[])),
        Err(NotStored::NotStorable(NotStorable::Method))
    );
    let private = request("GET", paths::MODULES, &[("cache-control", "no-store")]);
    assert_eq!(check(200, &[], &private), Err(NotStored::NotStorable(NotStorable::Request)));
    let ahead = request("GET", paths::MODULES, &[("kairos-min-gen", "catalog=6")]);
    assert_eq!(check(200, &[], &ahead), Err(NotStored::Older));
}

#[test]
fn a_304_freshens_the_stored_response() {
    let old = stored(100, &[("age", "7"), ("date", "Sun, 23 Nov 2025 01:05:00 GMT")]);
    let update: Fields =
        [("kairos-gen", "catalog=6"), ("etag", "\"other\""), ("content-length", "0")].into_iter().collect();
    let freshened = old.freshened(&update, NOW);
    assert_eq!(check_update_storable(&update, &freshened), Ok(()));
    assert_eq!(freshened.age_secs(NOW), 0);
    assert_eq!(freshened.generations().to_string(), "catalog=6");
    assert_eq!((freshened.entity_tag(), freshened.fields().get("content-length")), (Some("\"one\""), Some("700")));

    let refused = [
        ("kairos-degraded", "stale", NotStored::Degraded),
        ("cdn-cache-control", "no-store", NotStored::NotStorable(NotStorable::Directives)),
    ];
    for (name, value, reason) in refused {
        let update: Fields = [(name, value)].into_iter().collect();
        assert_eq!(check_update_storable(&update, &old.freshened(&update, NOW)), Err(reason), "{name}: {value}");
    }
}

#[test]
fn i_private_a_stored_response_has_nothing_of_the_request_that_brought_it() {
    let one_request_s = [("set-cookie", "a=b"), ("cache-status", "kairos-origin; hit"), ("x-request-id", "7")];
    let stored = stored(0, &one_request_s);
    for (name, _) in one_request_s {
        assert_eq!(stored.fields().get(name), None, "{name}");
    }
    assert_eq!(lookup(&get(paths::MODULES)).encoding, Encoding::Brotli);
}
