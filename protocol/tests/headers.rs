//! Reading and writing header fields: `Cache-Control`, `Accept-Encoding`, entity tags, `Cache-Status`, `Kairos-Gen`. Tables of
//! values and what they mean. Not here: how long a response is fresh (`freshness.rs`).

use kairos_protocol::api::headers::{EDGE_CACHE, ORIGIN_CACHE};
use kairos_protocol::api::ids::{Slug, UserId};
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::cache_status::{self, CacheStatus, Forward};
use kairos_protocol::http::encoding::{Encoding, negotiate};
use kairos_protocol::http::validator::{entity_tag, none_match_names};
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};

#[test]
fn cache_control_values_are_read_and_bad_ones_count_as_zero() {
    for (argument, secs) in [
        ("60", 60),
        ("\"60\"", 60),
        (" 60 ", 60),
        ("0", 0),
        ("007", 7),
        ("2147483648", 1 << 31),
        ("2147483649", 1 << 31),
        ("99999999999999999999999999", 1 << 31),
        ("", 0),
        ("\"\"", 0),
        ("-1", 0),
        ("+60", 0),
        ("1.5", 0),
        ("1e3", 0),
        ("'60'", 0),
        ("banana", 0),
        ("60 s", 0),
        ("٦٠", 0),
    ] {
        for (directive, value) in directives_with_seconds() {
            let read = CacheControl::parse(&format!("{directive}={argument}"));
            assert_eq!(value(&read), Some(secs), "{directive}={argument}");
        }
    }
}

type Reader = fn(&CacheControl) -> Option<u32>;

fn directives_with_seconds() -> [(&'static str, Reader); 4] {
    [
        ("max-age", |d| d.max_age),
        ("S-MaxAge", |d| d.s_maxage),
        ("stale-while-revalidate", |d| d.stale_while_revalidate),
        ("Stale-If-Error", |d| d.stale_if_error),
    ]
}

#[test]
fn cache_control_lists_are_read_member_by_member() {
    let none = CacheControl::default;
    for (value, expected) in [
        ("", none()),
        (" , ,, ", none()),
        ("max-age", CacheControl { max_age: Some(0), ..none() }),
        ("MAX-AGE=5", CacheControl { max_age: Some(5), ..none() }),
        ("max-age = 5", CacheControl { max_age: Some(5), ..none() }),
        ("max-age=1800, max-age=1", CacheControl { max_age: Some(1), ..none() }),
        ("max-age=1, max-age=1800", CacheControl { max_age: Some(1), ..none() }),
        ("max-age=9, max-age=x", CacheControl { max_age: Some(0), ..none() }),
        ("extension=\"max-age=3600\", max-age=1", CacheControl { max_age: Some(1), ..none() }),
        (
            "max-age=1,extension=\"a, no-store, \\\"private\"",
            CacheControl { max_age: Some(1), no_store: true, ..none() },
        ),
        (r#"max-age=1, x="\", private, \"""#, CacheControl { max_age: Some(1), ..none() }),
        ("no-cache=\"set-cookie, x\", public", CacheControl { no_cache: true, public: true, ..none() }),
        ("private=\"a\"", CacheControl { private: true, ..none() }),
        ("No-Store", CacheControl { no_store: true, ..none() }),
        ("x-no-store, no-storey, nostore", none()),
        ("must-revalidate,proxy-revalidate", CacheControl { must_revalidate: true, proxy_revalidate: true, ..none() }),
        ("only-if-cached", CacheControl { only_if_cached: true, ..none() }),
        // What an open quoted string hides cannot be known.
        ("max-age=60, x=\"a, public", CacheControl { max_age: Some(60), no_store: true, ..none() }),
        ("max-age=\"60", CacheControl { max_age: Some(0), no_store: true, ..none() }),
    ] {
        assert_eq!(CacheControl::parse(value), expected, "{value}");
    }
}

#[test]
fn encodings_are_negotiated_by_weight_then_by_size() {
    use Encoding::{Brotli, Gzip, Identity, Zstd};
    let all = [Gzip, Brotli, Zstd];
    for (accept, available, chosen) in [
        (None, &all[..], Identity),
        (Some(""), &all, Identity),
        (Some("gzip, br, zstd"), &all, Brotli),
        (Some("zstd, gzip"), &all, Zstd),
        (Some("GZIP"), &all, Gzip),
        (Some("x-gzip"), &all, Gzip),
        (Some("br"), &[Gzip], Identity),
        (Some("br, gzip;q=0.1"), &[Gzip], Gzip),
        (Some("br;q=0.5, gzip;q=0.8"), &all, Gzip),
        (Some("br ; Q=0.5, gzip ; q=0.501"), &all, Gzip),
        (Some("br;level=4;q=0.2, gzip;q=0.3"), &all, Gzip),
        (Some("*"), &all, Brotli),
        (Some("*;q=0.5, br;q=0"), &all, Zstd),
        (Some("*;q=0"), &all, Identity),
        (Some("*;q=0, gzip"), &all, Gzip),
        (Some("identity"), &all, Identity),
        (Some("identity, gzip;q=0.5"), &all, Identity),
        (Some("identity;q=0.5, gzip"), &all, Gzip),
        (Some("identity;q=0.001, gzip;q=0.001"), &all, Gzip),
        (Some("gzip;q=0.001"), &all, Gzip),
        (Some("identity;q=0, deflate"), &all, Identity),
        (Some("identity;q=0, *"), &all, Brotli),
        (Some("gzip;q=0.2, *;q=0.5"), &[Gzip], Identity),
        (Some("br;q=0, gzip;q=0, zstd;q=0"), &all, Identity),
        (Some("gzip;q=1.1, br;q=-1, zstd;q=NaN"), &all, Identity),
        (Some("gzip;q=, br;q=x, zstd;q=inf"), &all, Identity),
        (Some("gzip;q=0, gzip"), &all, Identity),
        (Some(";;,;q=1,=,gzip;;,"), &all, Gzip),
        (Some("gzipped, brr, *x"), &all, Identity),
    ] {
        assert_eq!(negotiate(accept, available), chosen, "{accept:?} of {available:?}");
    }
}

#[test]
fn if_none_match_compares_weakly() {
    for (if_none_match, tag, named) in [
        ("\"a\"", "\"a\"", true),
        ("W/\"a\"", "\"a\"", true),
        ("\"a\"", "W/\"a\"", true),
        ("\"b\"", "\"a\"", false),
        ("\"b\", W/\"a\"", "\"a\"", true),
        ("\"b\",\"c\" , \"a\"", "\"a\"", true),
        ("\"x, y\"", "\"x, y\"", true),
        ("\"x, y\"", "\"x\"", false),
        ("\"a\", \"b\"", "\", \"", false),
        ("*", "\"a\"", true),
        (" * ", "\"a\"", true),
        ("\"*\"", "\"a\"", false),
        ("\"a-br\"", "\"a\"", false),
        ("\"A\"", "\"a\"", false),
        ("\"\"", "\"\"", true),
        ("", "\"a\"", false),
        ("a", "\"a\"", false),
        ("\"a", "\"a\"", false),
        ("\"b\", \"a", "\"a\"", false),
        ("\"a\"", "a", false),
        ("*", "a", false),
    ] {
        assert_eq!(none_match_names(if_none_match, tag), named, "{if_none_match} against {tag}");
    }
}

#[test]
fn each_encoding_of_a_body_has_its_own_tag() {
    let tags: Vec<_> = Encoding::PREFERRED.iter().map(|e| entity_tag("9f", *e)).collect();
    assert_eq!(tags, ["\"9f-br\"", "\"9f-zstd\"", "\"9f-gzip\"", "\"9f\""]);
}

#[test]
fn cache_status_is_written_as_rfc_9211_has_it() {
    let hit = |ttl_secs, detail| CacheStatus::Hit { cache: ORIGIN_CACHE, ttl_secs, detail };
    let forwarded = |reason, stored, collapsed, detail| CacheStatus::Forwarded {
        cache: EDGE_CACHE,
        reason,
        stored,
        collapsed,
        detail,
    };
    for (status, text) in [
        (hit(30, None), "kairos-origin; hit; ttl=30"),
        (hit(-5, Some("redis")), "kairos-origin; hit; ttl=-5; detail=redis"),
        (forwarded(Forward::UriMiss, true, false, None), "kairos-edge; fwd=uri-miss; stored"),
        (forwarded(Forward::Stale, true, true, Some("x")), "kairos-edge; fwd=stale; stored; collapsed; detail=x"),
        (forwarded(Forward::Bypass, false, false, None), "kairos-edge; fwd=bypass"),
        (forwarded(Forward::Method, false, false, None), "kairos-edge; fwd=method"),
        (forwarded(Forward::Request, false, false, None), "kairos-edge; fwd=request"),
    ] {
        assert_eq!(status.to_string(), text);
        let is_hit = matches!(status, CacheStatus::Hit { .. });
        assert_eq!(cache_status::is_hit(text, ORIGIN_CACHE), is_hit, "{text}");
    }
}

#[test]
fn a_hit_is_read_for_the_cache_that_had_it() {
    for (value, edge_hit) in [
        ("kairos-edge; hit; ttl=5", true),
        ("kairos-edge;ttl=5;hit", true),
        ("kairos-origin; hit, kairos-edge; fwd=stale", false),
        ("kairos-origin; fwd=uri-miss, kairos-edge; hit", true),
        ("other; key=\"x, kairos-edge; hit\"", false),
        ("other; key=\"x; hit\", kairos-edge; detail=\"; hit\"", false),
        ("kairos-edge-2; hit", false),
        ("kairos-edge; hit-ratio=1", false),
        ("hit; kairos-edge", false),
        ("", false),
    ] {
        assert_eq!(cache_status::is_hit(value, EDGE_CACHE), edge_hit, "{value}");
    }
}

#[test]
fn generations_are_written_and_read_as_a_dictionary() {
    let user = Namespace::User(UserId::new("4f-1c").expect("a user id"));
    let both =
        Generations::from_iter([(user, Generation::new(7)), (Namespace::Catalog, Generation::new(1_763_860_000_000))]);
    assert_eq!(both.to_string(), "catalog=1763860000000, user.4f-1c=7");
    for (value, read) in [
        ("catalog=1763860000000, user.4f-1c=7", "catalog=1763860000000, user.4f-1c=7"),
        ("user.4f-1c=7,catalog=1", "catalog=1, user.4f-1c=7"),
        ("  catalog=5;a=b  ", "catalog=5"),
        ("catalog=5, catalog=3", "catalog=3"),
        ("catalog=999999999999999", "catalog=999999999999999"),
        ("catalog=1000000000000000", ""),
        ("catalog=-1", ""),
        ("catalog=1.0", ""),
        ("catalog=\"5\"", ""),
        ("catalog", ""),
        ("catalog=", ""),
        ("Catalog=1", ""),
        ("user.=1, user.A=2, user.a b=3, users.a=4, =5", ""),
        ("x=\"a, catalog=9\", catalog=2", "catalog=2"),
        ("junk, catalog=2, \u{0}", "catalog=2"),
        ("", ""),
    ] {
        assert_eq!(Generations::parse(value).to_string(), read, "{value}");
    }
}

#[test]
fn a_header_names_at_most_sixteen_namespaces() {
    let members: Vec<_> = (0..40).map(|n| format!("user.u{n:02}=1")).collect();
    assert_eq!(Generations::parse(&members.join(",")).iter().count(), Generations::MAX_NAMESPACES);
}

#[test]
fn the_next_generation_is_larger_and_not_behind_the_clock() {
    for (previous, now, next) in [
        (0, 1_000, 100_000),
        (100_000, 1_000, 100_001),
        (200_000, 1_000, 200_001),
        (5, -1, 6),
        (0, i64::MIN, 1),
        (Generation::MAX.get(), 0, Generation::MAX.get()),
        // A clock in the far future does not use the numbers up.
        (0, i64::MAX, Generation::MAX.get() / 2),
    ] {
        assert_eq!(Generation::new(previous).next(now).get(), next, "after {previous} at {now}");
    }
    assert_eq!(Generation::new(u64::MAX), Generation::MAX);
}

/// The origin's numbers of single modules leave it by no way, and come in by none.
#[test]
fn numbers_of_single_modules_are_neither_written_nor_read() {
    let module = Namespace::Module(Slug::new("caching").expect("a slug"));
    let both = Generations::from_iter([(module.clone(), Generation::new(7)), (Namespace::Catalog, Generation::new(8))]);
    assert_eq!(both.to_string(), "catalog=8");
    assert_eq!(both.without_modules(), Generations::parse("catalog=8"));
    assert_eq!(Generations::parse(&format!("{module}=7, catalog=8")).to_string(), "catalog=8");
    assert_eq!(Generations::parse(&format!("{module}=7, catalog=8")).get(&module), None);
}
