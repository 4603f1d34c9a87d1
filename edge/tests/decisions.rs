//! The edge's decisions, as tables: which requests it may answer, when a copy may be used, what may be stored. Not how it
//! behaves in the runtime: that is `tests/edge`.

use kairos_edge::admission::{MAX_BODY_BYTES, NoStore, admit, admit_update};
use kairos_edge::fields::Fields;
use kairos_edge::order::believed;
use kairos_edge::route::{Question, Route, Shared, canonical_target, route};
use kairos_edge::stored::StoredAnswer;
use kairos_edge::verdict::{Verdict, judge_copy, stands_in};
use kairos_protocol::cache_status::Forward;
use kairos_protocol::encoding::Encoding;
use kairos_protocol::generation::Generations;
use kairos_protocol::paths;
use kairos_protocol::policy::Policy;

/// Header fields, as a table has them.
type Pairs<'a> = &'a [(&'a str, &'a str)];

const NOW: i64 = 1_763_860_000_000;

fn question(method: &str, target: &str, fields: Pairs<'_>) -> Question {
    let (path, query) = Question::split_url(target);
    Question {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        fields: fields.iter().copied().collect(),
        accept_encoding: Some("gzip, br".to_owned()),
    }
}

fn get(target: &str) -> Question {
    question("GET", target, &[])
}

#[expect(clippy::panic, reason = "a builder of the tests: what is not shared has no place in them")]
fn shared(question: &Question) -> Shared {
    match route(question) {
        Route::Shared(shared) => shared,
        other => panic!("{question:?} is {other:?}"),
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

fn copy(age_secs: i64, changes: Pairs<'_>) -> StoredAnswer {
    StoredAnswer::new(page(changes), NOW - age_secs * 1_000)
}

fn judge(copy: Option<&StoredAnswer>, question: &Question) -> Verdict {
    judge_copy(copy, question, &believed(question, copy, NOW), NOW)
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
        assert_eq!(Question::split_url(url), expected, "{url}");
    }
}

#[test]
fn only_what_everyone_may_share_is_looked_up() {
    for path in [paths::MODULES, paths::MODULES_SEARCH, paths::JWKS, paths::OPENAPI, "/v1/modules/vary"] {
        for method in ["GET", "HEAD"] {
            let shared = shared(&question(method, path, &[("authorization", "Bearer x")]));
            assert_eq!((shared.policy, shared.is_head), (Policy::of_path(path), method == "HEAD"), "{method} {path}");
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
        assert_eq!(route(&question(method, path, &[])), Route::Through(reason), "{method} {path}");
    }
    for field in [("content-length", "2"), ("transfer-encoding", "chunked"), ("if-match", "\"a\"")] {
        assert_eq!(route(&question("GET", paths::MODULES, &[field])), Route::Through(Forward::Bypass), "{field:?}");
    }
    let from_store = ("cache-control", "only-if-cached");
    for (method, path) in [("GET", paths::ME), ("HEAD", paths::HEALTH_READY), ("GET", "/v1/modules?utm=1")] {
        assert_eq!(route(&question(method, path, &[from_store])), Route::NotCached, "{method} {path}");
    }
    assert_eq!(route(&question("POST", paths::OPERATIONS, &[from_store])), Route::Through(Forward::Method));
    assert_eq!(route(&get(paths::METRICS)), Route::Absent);
    assert_eq!(route(&question("POST", paths::METRICS, &[])), Route::Absent);
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
        let question = Question { accept_encoding: codings.map(str::to_owned), ..get(paths::MODULES) };
        shared(&question).key()
    };
    let keys = [Some("br"), Some("gzip"), Some("zstd"), None].map(key_for);
    assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), 4, "{keys:?}");
    assert_eq!(key_for(Some("")), key_for(Some("identity")));
    assert_eq!(key_for(Some("gzip;q=0.5, br")), key_for(Some("br")));
}

#[test]
fn a_copy_is_used_while_it_is_fresh_and_as_new_as_the_caller_has_seen() {
    let hit = |ttl_secs| Verdict::Hit { ttl_secs };
    let cases: &[(i64, Pairs<'_>, Verdict)] = &[
        (0, &[], hit(60)),
        (59, &[], hit(1)),
        (60, &[], Verdict::Ask(Forward::Stale)),
        (5_000, &[], Verdict::Ask(Forward::Stale)),
        (0, &[("kairos-min-gen", "catalog=5")], hit(60)),
        (0, &[("kairos-min-gen", "catalog=6")], Verdict::Ask(Forward::Stale)),
        (0, &[("kairos-min-gen", "user.ab=9")], hit(60)),
        (10, &[("cache-control", "no-cache")], Verdict::Ask(Forward::Request)),
        (10, &[("cache-control", "max-age=9")], Verdict::Ask(Forward::Request)),
        (10, &[("cache-control", "max-age=10")], hit(50)),
        (70, &[("cache-control", "no-cache")], Verdict::Ask(Forward::Stale)),
        (-5, &[], Verdict::Ask(Forward::Stale)),
        (10, &[("cache-control", "only-if-cached")], hit(50)),
        (60, &[("cache-control", "only-if-cached")], Verdict::NotCached),
        (10, &[("cache-control", "only-if-cached, max-age=9")], Verdict::NotCached),
        (10, &[("cache-control", "only-if-cached"), ("kairos-min-gen", "catalog=6")], Verdict::NotCached),
    ];
    for (age_secs, asked, expected) in cases {
        let question = question("GET", paths::MODULES, asked);
        assert_eq!(judge(Some(&copy(*age_secs, &[])), &question), *expected, "{age_secs} s, {asked:?}");
    }
    assert_eq!(judge(None, &get(paths::MODULES)), Verdict::Ask(Forward::UriMiss));
    let unusable = copy(0, &[("cdn-cache-control", "no-store")]);
    assert_eq!(judge(Some(&unusable), &get(paths::MODULES)), Verdict::Ask(Forward::UriMiss));
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
        let (question, copy) = (question("GET", paths::MODULES, asked), copy(*age_secs, &[]));
        let claims = believed(&question, Some(&copy), NOW);
        assert_eq!(stands_in(&copy, &claims, NOW), *expected, "{age_secs} s, {asked:?}");
    }
    let strict = copy(100, &[("cdn-cache-control", "max-age=60, stale-if-error=1000, must-revalidate")]);
    assert_eq!(stands_in(&strict, &Generations::default(), NOW), None);
}

#[test]
fn an_answer_is_stored_only_when_every_check_holds() {
    let ask = get(paths::MODULES);
    let check = |status, changes: Pairs<'_>, question: &Question| {
        admit(status, &page(changes), &shared(question), question, &believed(question, None, NOW))
    };
    assert_eq!(check(200, &[], &ask), Ok(700));
    assert_eq!(check(200, &[("content-encoding", "")], &ask), Ok(700));
    assert_eq!(check(200, &[("cdn-cache-control", ""), ("cache-control", "s-maxage=60")], &ask), Ok(700));
    assert_eq!(check(200, &[("kairos-gen", "catalog=6")], &ask), Ok(700));

    let too_long = (MAX_BODY_BYTES + 1).to_string();
    let refused: &[(&str, &str, NoStore)] = &[
        ("kairos-policy", "", NoStore::Policy),
        ("kairos-policy", "progress", NoStore::Policy),
        ("kairos-policy", "catalog-module", NoStore::Policy),
        ("cdn-cache-control", "no-store", NoStore::Directives),
        ("cdn-cache-control", "max-age=0", NoStore::Directives),
        ("cdn-cache-control", "", NoStore::Directives),
        ("cache-control", "private", NoStore::Directives),
        ("cache-control", "no-store", NoStore::Directives),
        ("set-cookie", "a=b", NoStore::SetCookie),
        ("kairos-degraded", "stale", NoStore::Degraded),
        ("vary", "Accept-Encoding, Authorization", NoStore::Vary),
        ("vary", "*", NoStore::Vary),
        ("content-encoding", "gzip", NoStore::Encoding),
        ("content-encoding", "br, gzip", NoStore::Encoding),
        ("kairos-gen", "", NoStore::Generations),
        ("kairos-gen", "user.ab=5", NoStore::Generations),
        ("content-length", "", NoStore::Length),
        ("content-length", &too_long, NoStore::Length),
    ];
    for (name, value, reason) in refused {
        assert_eq!(check(200, &[(name, value)], &ask), Err(*reason), "{name}: {value}");
    }
    for status in [201, 203, 206, 301, 404, 500] {
        assert_eq!(check(status, &[], &ask), Err(NoStore::Status), "{status}");
    }
    assert_eq!(check(200, &[], &question("HEAD", paths::MODULES, &[])), Err(NoStore::Head));
    let private = question("GET", paths::MODULES, &[("cache-control", "no-store")]);
    assert_eq!(check(200, &[], &private), Err(NoStore::Request));
    let ahead = question("GET", paths::MODULES, &[("kairos-min-gen", "catalog=6")]);
    assert_eq!(check(200, &[], &ahead), Err(NoStore::Older));
}

#[test]
fn a_304_makes_the_copy_new_again() {
    let old = copy(100, &[("age", "7"), ("date", "Sun, 23 Nov 2025 01:05:00 GMT")]);
    let update: Fields =
        [("kairos-gen", "catalog=6"), ("etag", "\"other\""), ("content-length", "0")].into_iter().collect();
    let refreshed = old.refreshed(&update, NOW);
    assert_eq!(admit_update(&update, &refreshed), Ok(()));
    assert_eq!(refreshed.age_secs(NOW), 0);
    assert_eq!(refreshed.generations().to_string(), "catalog=6");
    assert_eq!((refreshed.entity_tag(), refreshed.fields().get("content-length")), (Some("\"one\""), Some("700")));

    let refused =
        [("kairos-degraded", "stale", NoStore::Degraded), ("cdn-cache-control", "no-store", NoStore::Directives)];
    for (name, value, reason) in refused {
        let update: Fields = [(name, value)].into_iter().collect();
        assert_eq!(admit_update(&update, &old.refreshed(&update, NOW)), Err(reason), "{name}: {value}");
    }
}

#[test]
fn i_private_a_stored_answer_keeps_nothing_of_the_request_that_brought_it() {
    let one_request_s = [("set-cookie", "a=b"), ("cache-status", "kairos-origin; hit"), ("x-request-id", "7")];
    let stored = copy(0, &one_request_s);
    for (name, _) in one_request_s {
        assert_eq!(stored.fields().get(name), None, "{name}");
    }
    assert_eq!(shared(&get(paths::MODULES)).encoding, Encoding::Brotli);
}
