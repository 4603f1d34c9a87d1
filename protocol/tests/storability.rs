//! What a shared cache may store, what a response varies by, and what a 304 does, as tables (RFC 9111 §3, §4.1, §4.3). Not the
//! directives by themselves (`headers.rs`), nor what age and lifetime allow (`freshness.rs`).

use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::encoding::{Encoding, content_encoding};
use kairos_protocol::http::field::Fields;
use kairos_protocol::http::freshness::{FreshnessLifetime, parse_date, response_age_secs, response_lifetime};
use kairos_protocol::http::storability::{NotStorable, check_exchange, check_fields, remove_unstorable};
use kairos_protocol::http::validation::{freshened, is_not_modified, remove_content_fields};
use kairos_protocol::http::vary::varies_beyond;

/// Header fields, as a table has them.
type Pairs<'a> = &'a [(&'a str, &'a str)];

fn fields(pairs: Pairs<'_>) -> Fields {
    pairs.iter().copied().collect()
}

#[test]
fn only_a_complete_response_to_a_get_that_allows_it_is_stored() {
    for (method, request, status, expected) in [
        ("GET", "", 200, Ok(())),
        ("GET", "no-cache, max-age=0", 200, Ok(())),
        ("HEAD", "", 200, Err(NotStorable::Method)),
        ("POST", "", 200, Err(NotStorable::Method)),
        ("get", "", 200, Err(NotStorable::Method)),
        ("GET", "no-store", 200, Err(NotStorable::Request)),
        ("GET", "", 103, Err(NotStorable::Status)),
        ("GET", "", 206, Err(NotStorable::Status)),
        ("GET", "", 304, Err(NotStorable::Status)),
        ("GET", "", 404, Err(NotStorable::Status)),
        ("GET", "", 500, Err(NotStorable::Status)),
        ("HEAD", "no-store", 500, Err(NotStorable::Method)),
    ] {
        let found = check_exchange(method, &CacheControl::parse(request), status);
        assert_eq!(found, expected, "{method}, {request:?}, {status}");
    }
}

#[test]
fn only_what_says_how_long_it_is_fresh_and_sets_no_cookie_is_stored() {
    let minute = FreshnessLifetime::new(60, 0, 0);
    let cases: &[(Pairs<'_>, Result<FreshnessLifetime, NotStorable>)] = &[
        (&[("cache-control", "max-age=60")], Ok(minute)),
        (&[("cdn-cache-control", "max-age=60"), ("cache-control", "no-cache")], Ok(minute)),
        (&[("cdn-cache-control", "max-age=60")], Ok(minute)),
        (&[("surrogate-control", "max-age=60")], Err(NotStorable::Directives)),
        (&[("cdn-cache-control", ""), ("cache-control", "max-age=60")], Err(NotStorable::Directives)),
        (&[("cdn-cache-control", "max-age=60"), ("cache-control", "private")], Err(NotStorable::Directives)),
        (&[("expires", "Sun, 23 Nov 2036 01:06:00 GMT")], Err(NotStorable::Directives)),
        (&[("last-modified", "Sun, 23 Nov 2015 01:06:00 GMT")], Err(NotStorable::Directives)),
        (&[], Err(NotStorable::Directives)),
        (&[("cache-control", "max-age=60"), ("set-cookie", "a=b")], Err(NotStorable::SetCookie)),
        (&[("cache-control", "max-age=60, public"), ("set-cookie", "")], Err(NotStorable::SetCookie)),
        (&[("set-cookie", "a=b")], Err(NotStorable::Directives)),
    ];
    for (pairs, expected) in cases {
        assert_eq!(check_fields(&fields(pairs), &["cdn-cache-control"]), *expected, "{pairs:?}");
    }
}

#[test]
fn the_first_targeted_field_that_is_there_counts() {
    let both = fields(&[("b", "max-age=2"), ("a", "max-age=1"), ("cache-control", "max-age=3")]);
    for (target_list, fresh_secs) in [(&["a", "b"][..], 1), (&["b", "a"], 2), (&["c", "b"], 2), (&["c"], 3), (&[], 3)] {
        let lifetime = response_lifetime(&both, target_list);
        assert_eq!(lifetime.map(|lifetime| lifetime.fresh_secs), Some(fresh_secs), "{target_list:?}");
    }
}

#[test]
fn fields_of_one_connection_or_one_request_are_not_stored() {
    let mut stored = fields(&[("connection", "close"), ("Set-Cookie", "a"), ("set-cookie", "b"), ("TE", "trailers")]);
    stored.set("etag", "\"a\"");
    stored.append("cache-status", "a; hit");
    remove_unstorable(&mut stored);
    assert_eq!(stored, fields(&[("etag", "\"a\"")]));
}

#[test]
fn a_list_grows_at_its_end() {
    let mut list = fields(&[("etag", "\"a\"")]);
    list.append("cache-status", "a; hit");
    list.append("cache-status", "b; hit");
    assert_eq!(list.get("cache-status"), Some("a; hit, b; hit"));
    assert_eq!(list.iter().count(), 2);
}

#[test]
fn a_response_varies_by_what_the_keys_do_not_tell_apart() {
    for (vary, covered, expected) in [
        ("", &[][..], false),
        (" , ,", &[], false),
        ("accept-encoding", &[], true),
        ("accept-encoding", &["accept-encoding"], false),
        ("Accept-Encoding,accept-encoding", &["accept-encoding"], false),
        ("Accept-Encoding, Authorization", &["accept-encoding"], true),
        ("Accept-Encoding, Accept", &["accept", "accept-encoding"], false),
        ("accept", &["accept-encoding"], true),
        ("*", &["accept-encoding"], true),
        ("accept-encoding, *", &["accept-encoding"], true),
    ] {
        assert_eq!(varies_beyond(&fields(&[("vary", vary)]), covered), expected, "{vary:?} beyond {covered:?}");
    }
    assert!(!varies_beyond(&Fields::default(), &[]));
}

#[test]
fn a_content_encoding_is_one_that_is_known() {
    for (value, expected) in [
        (None, Some(Encoding::Identity)),
        (Some("identity"), Some(Encoding::Identity)),
        (Some("BR"), Some(Encoding::Brotli)),
        (Some("x-gzip"), Some(Encoding::Gzip)),
        (Some("br, gzip"), None),
        (Some("compress"), None),
        (Some(""), None),
    ] {
        let response: Fields = value.map(|value| ("content-encoding", value)).into_iter().collect();
        assert_eq!(content_encoding(&response), expected, "{value:?}");
    }
}

#[test]
fn dates_are_read_in_all_three_forms() {
    for (field, expected) in [
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777_000)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777_000)),
        ("Sun Nov  6 08:49:37 1994", Some(784_111_777_000)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("Sun, 06 Nov 1994 08:49:37 +0000", None),
        ("784111777", None),
        ("yesterday", None),
        ("", None),
    ] {
        assert_eq!(parse_date(field), expected, "{field:?}");
    }
}

#[test]
fn the_age_of_a_response_is_in_its_fields() {
    // One minute after the date.
    let now = 784_111_837_000;
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    for (pairs, expected) in [
        (&[][..], 10),
        (&[date], 60),
        (&[("age", "30")], 40),
        (&[date, ("age", "30")], 60),
        (&[date, ("age", "70")], 80),
        (&[("date", "then"), ("age", "x")], 10),
    ] {
        assert_eq!(response_age_secs(&fields(pairs), now - 10_000, now), expected, "{pairs:?}");
    }
}

#[test]
fn a_caller_that_has_the_response_is_told_so() {
    let response = fields(&[("etag", "\"a\""), ("content-length", "7"), ("content-type", "x"), ("vary", "accept")]);
    for (if_none_match, expected) in [(None, false), (Some("W/\"a\""), true), (Some("\"b\""), false), (Some("*"), true)]
    {
        assert_eq!(is_not_modified(if_none_match, &response), expected, "{if_none_match:?}");
    }
    assert!(!is_not_modified(Some("*"), &Fields::default()), "without a tag there is nothing to compare");
    let mut head = response;
    remove_content_fields(&mut head);
    assert_eq!(head, fields(&[("etag", "\"a\""), ("vary", "accept")]));
}

#[test]
fn a_304_updates_what_does_not_describe_the_stored_bytes() {
    let stored = fields(&[("age", "5"), ("date", "then"), ("etag", "\"a\""), ("content-length", "7"), ("x", "old")]);
    let update =
        fields(&[("x", "new"), ("y", "new"), ("etag", "\"b\""), ("content-length", "0"), ("content-range", "z")]);
    let expected = fields(&[("etag", "\"a\""), ("content-length", "7"), ("x", "new"), ("y", "new")]);
    assert_eq!(freshened(&stored, &update), expected);
    let dated = freshened(&stored, &fields(&[("date", "now")]));
    assert_eq!((dated.get("date"), dated.get("age")), (Some("now"), None), "its age begins anew");
}
