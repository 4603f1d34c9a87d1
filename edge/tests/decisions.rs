//! The edge's decisions, as tables: which requests it may answer, when a copy may be used, what may be stored. Not how it
//! behaves in the runtime: that is `tests/edge`.

use kairos_edge::fields::Fields;
use kairos_edge::order::reported_generations;
use kairos_edge::reuse::{Reuse, evaluate, serve_stale_if_error};
use kairos_edge::route::{CacheRequest, Lookup, Route, canonical_target, route};
use kairos_edge::storability::{MAX_BODY_BYTES, NotStored, check_storable, check_update_storable};
use kairos_edge::stored_response::StoredResponse;
use kairos_protocol::api::paths;
use kairos_protocol::http::cache_status::Forward;
use kairos_protocol::http::encoding::Encoding;
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

#[expect(clippy::panic, reason = "a builder of the tests: what is not lookup has no place in them")]
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

fn copy(age_secs: i64, changes: Pairs<'_>) -> StoredResponse {
    StoredResponse::new(page(changes), NOW - age_secs * 1_000)
}

fn judge(copy: Option<&StoredResponse>, request: &CacheRequest) -> Reuse {
    evaluate(copy, request, &reported_generations(request, copy, NOW), NOW)
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
    let through = [
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
    for (method, path, reason) in through {
        assert_eq!(route(&request(method, path, &[])), Route::Through(reason), "{method} {path}");
    }
    for field in [("content-length", "2"), ("transfer-encoding", "chunked"), ("if-match", "\"a\"")] {
        assert_eq!(route(&request("GET", paths::MODULES, &[field])), Route::Through(Forward::Bypass), "{field:?}");
    }
    let from_store = ("cache-control", "only-if-cached");
    for (method, path) in [("GET", paths::ME), ("HEAD", paths::HEALTH_READY), ("GET", "/v1/modules?utm=1")] {
        assert_eq!(route(&request(method, path, &[from_store])), Route::NotCached, "{method} {path}");
    }
    assert_eq!(route(&request("POST", paths::OPERATIONS, &[from_store])), Route::Through(Forward::Method));
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
fn a_copy_is_used_while_it_is_fresh_and_as_new_as_the_caller_has_seen() {
    let hit = |ttl_secs| Reuse::Hit { ttl_secs };
    let cases: &[(i64, Pairs<'_>, Reuse)] = &[
        (0, &[], hit(60)),
        (59, &[], hit(1)),
        (60, &[], Reuse::Ask(Forward::Stale)),
        (5_000, &[], Reuse::Ask(Forward::Stale)),
        (0, &[("kairos-min-gen", "catalog=5")], hit(60)),
        (0, &[("kairos-min-gen", "catalog=6")], Reuse::Ask(Forward::Stale)),
        (0, &[("kairos-min-gen", "user.ab=9")], hit(60)),
        (10, &[("cache-control", "no-cache")], Reuse::Ask(Forward::Request)),
        (10, &[("cache-control", "max-age=9")], Reuse::Ask(Forward::Request)),
        (10, &[("cache-control", "max-age=10")], hit(50)),
        (70, &[("cache-control", "no-cache")], Reuse::Ask(Forward::Stale)),
        (-5, &[], Reuse::Ask(Forward::Stale)),
        (10, &[("cache-control", "only-if-cached")], hit(50)),
        (60, &[("cache-control", "only-if-cached")], Reuse::NotCached),
        (10, &[("cache-control", "only-if-cached, max-age=9")], Reuse::NotCached),
        (10, &[("cache-control", "only-if-cached"), ("kairos-min-gen", "catalog=6")], Reuse::NotCached),
    ];
    for (age_secs, asked, expected) in cases {
        let request = request("GET", paths::MODULES, asked);
        assert_eq!(judge(Some(&copy(*age_secs, &[])), &request), *expected, "{age_secs} s, {asked:?}");
    }
    assert_eq!(judge(None, &get(paths::MODULES)), Reuse::Ask(Forward::UriMiss));
    let unusable = copy(0, &[("cdn-cache-control", "no-store")]);
    assert_eq!(judge(Some(&unusable), &get(paths::MODULES)), Reuse::Ask(Forward::UriMiss));
}

#[test]
fn age_counts_from_when_the_answer_was_made() {
    assert_eq!(copy(10, &[("age", "30")]).age_secs(NOW), 40);
    assert_eq!(copy(10, &[("age", "30, 99")]).age_secs(NOW), 40);
    assert_eq!(copy(10, &[("age", "soon")]).age_secs(NOW), 10);
    // NOW is 01:06:40.
    assert_eq!(copy(10, &[("date", "Sun, 23 Nov 2025 01:06:00 GMT")]).age_secs(NOW), 40);
    assert_eq!(copy(10, &[("date", "Sun, 23 Nov 2025 01:06:00 GMT"), ("age", "50")]).age_secs(NOW), 60);
    assert_eq!(copy(10, &[("date", "Sunday, 23-Nov-25 01:06:00 GMT")]).age_secs(NOW), 40);
    assert_eq!(copy(10, &[("date", "Sun, 23 Nov 2025 02:00:00 GMT")]).age_secs(NOW), 10, "the origin's clock is ahead");
    assert_eq!(copy(10, &[("date", "a while ago")]).age_secs(NOW), 10);
    assert_eq!(copy(-10, &[]).age_secs(NOW), u32::MAX, "a clock that went back");
    assert_eq!(copy(10, &[]).keep_secs(NOW), 1_050);
    assert_eq!(copy(2_000, &[]).keep_secs(NOW), 0);
}

#[test]
fn a_copy_stands_in_for_a_failed_origin_within_its_window() {
    let cases: &[(i64, Pairs<'_>, Option<i64>)] = &[
        (10, &[], Some(50)),
        (100, &[], Some(-40)),
        (1_059, &[], Some(-999)),
        (1_060, &[], None),
        (100, &[("cache-control", "no-cache")], Some(-40)),
        (100, &[("kairos-min-gen", "catalog=6")], None),
        (-10, &[], None),
    ];
    for (age_secs, asked, expected) in cases {
        let (request, copy) = (request("GET", paths::MODULES, asked), copy(*age_secs, &[]));
        let reported = reported_generations(&request, Some(&copy), NOW);
        assert_eq!(serve_stale_if_error(&copy, &reported, NOW), *expected, "{age_secs} s, {asked:?}");
    }
    let strict = copy(100, &[("cdn-cache-control", "max-age=60, stale-if-error=1000, must-revalidate")]);
    assert_eq!(serve_stale_if_error(&strict, &Generations::default(), NOW), None);
}

#[test]
fn an_answer_is_stored_only_when_every_check_holds() {
    let ask = get(paths::MODULES);
    let check = |status, changes: Pairs<'_>, request: &CacheRequest| {
        check_storable(status, &page(changes), &lookup(request), request, &reported_generations(request, None, NOW))
    };
    assert_eq!(check(200, &[], &ask), Ok(700));
    assert_eq!(check(200, &[("content-encoding", "")], &ask), Ok(700));
    assert_eq!(check(200, &[("cdn-cache-control", ""), ("cache-control", "s-maxage=60")], &ask), Ok(700));
    assert_eq!(check(200, &[("kairos-gen", "catalog=6")], &ask), Ok(700));

    let too_long = (MAX_BODY_BYTES + 1).to_string();
    let refused: &[(&str, &str, NotStored)] = &[
        ("kairos-policy", "", NotStored::Policy),
        ("kairos-policy", "progress", NotStored::Policy),
        ("kairos-policy", "catalog-module", NotStored::Policy),
        ("cdn-cache-control", "no-store", NotStored::Directives),
        ("cdn-cache-control", "max-age=0", NotStored::Directives),
        ("cdn-cache-control", "", NotStored::Directives),
        ("cache-control", "private", NotStored::Directives),
        ("cache-control", "no-store", NotStored::Directives),
        ("set-cookie", "a=b", NotStored::SetCookie),
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
        assert_eq!(check(200, &[(name, value)], &ask), Err(*reason), "{name}: {value}");
    }
    for status in [201, 203, 206, 301, 404, 500] {
        assert_eq!(check(status, &[], &ask), Err(NotStored::Status), "{status}");
    }
    assert_eq!(check(200, &[], &request("HEAD", paths::MODULES, &[])), Err(NotStored::Head));
    let private = request("GET", paths::MODULES, &[("cache-control", "no-store")]);
    assert_eq!(check(200, &[], &private), Err(NotStored::Request));
    let ahead = request("GET", paths::MODULES, &[("kairos-min-gen", "catalog=6")]);
    assert_eq!(check(200, &[], &ahead), Err(NotStored::Older));
}

#[test]
fn a_304_makes_the_copy_new_again() {
    let old = copy(100, &[("age", "7"), ("date", "Sun, 23 Nov 2025 01:05:00 GMT")]);
    let update: Fields =
        [("kairos-gen", "catalog=6"), ("etag", "\"other\""), ("content-length", "0")].into_iter().collect();
    let refreshed = old.refreshed(&update, NOW);
    assert_eq!(check_update_storable(&update, &refreshed), Ok(()));
    assert_eq!(refreshed.age_secs(NOW), 0);
    assert_eq!(refreshed.generations().to_string(), "catalog=6");
    assert_eq!((refreshed.entity_tag(), refreshed.fields().get("content-length")), (Some("\"one\""), Some("700")));

    let refused =
        [("kairos-degraded", "stale", NotStored::Degraded), ("cdn-cache-control", "no-store", NotStored::Directives)];
    for (name, value, reason) in refused {
        let update: Fields = [(name, value)].into_iter().collect();
        assert_eq!(check_update_storable(&update, &old.refreshed(&update, NOW)), Err(reason), "{name}: {value}");
    }
}

#[test]
fn i_private_a_stored_answer_keeps_nothing_of_the_request_that_brought_it() {
    let one_request_s = [("set-cookie", "a=b"), ("cache-status", "kairos-origin; hit"), ("x-request-id", "7")];
    let stored = copy(0, &one_request_s);
    for (name, _) in one_request_s {
        assert_eq!(stored.fields().get(name), None, "{name}");
    }
    assert_eq!(lookup(&get(paths::MODULES)).encoding, Encoding::Brotli);
}
