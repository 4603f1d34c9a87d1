//! `sfv`, which reads and writes structured fields as RFC 9651 has it, says whether ours are such, and reads the same in those that
//! both accept. What only ours accepts is in `headers.rs`.

#![expect(clippy::expect_used, reason = "what a test sets up is there, or the test fails")]

use kairos_protocol::api::headers::{EDGE_CACHE, ORIGIN_CACHE};
use kairos_protocol::api::ids::UserId;
use kairos_protocol::http::cache_status::{self, CacheStatus, Forward};
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use sfv::{BareItem, Dictionary, Item, List, ListEntry, Parser};

fn any_generations() -> impl Strategy<Value = Generations> {
    let namespace = prop_oneof![
        Just(Namespace::Catalog),
        "[a-z0-9-]{1,64}".prop_map(|id| Namespace::User(UserId::new(id).expect("an id")))
    ];
    proptest::collection::vec((namespace, any::<u64>().prop_map(Generation::new)), 0..=Generations::MAX_NAMESPACES)
        .prop_map(Generations::from_iter)
}

fn integer(entry: &ListEntry) -> Option<u64> {
    match entry {
        ListEntry::Item(item) => u64::try_from(i64::from(item.bare_item.as_integer()?)).ok(),
        ListEntry::InnerList(_) => None,
    }
}

/// The members of a dictionary that are namespaces of ours and whole numbers, as `sfv` reads them.
fn generations_of(dictionary: &Dictionary) -> Generations {
    let member = |(key, entry): (&sfv::Key, &ListEntry)| Some((Namespace::parse(key.as_str())?, integer(entry)?));
    dictionary.iter().filter_map(member).map(|(namespace, number)| (namespace, Generation::new(number))).collect()
}

/// Members as a dictionary may have them, each key once: `-0` is no whole number to us, and of a key that comes twice ours takes
/// the last number, RFC 9651 the last member, whatever it is.
fn any_dictionary() -> impl Strategy<Value = String> {
    let key = prop_oneof![Just("catalog".to_owned()), "user\\.[a-z0-9-]{1,3}", "[a-z*][a-z0-9_.*-]{0,6}"];
    let value = prop_oneof![
        "=0{0,3}[0-9]{1,12}",
        "=-[1-9][0-9]{0,14}",
        "=[0-9]{1,12}\\.[0-9]{1,3}",
        "=\"[a-z0-9,;= ]{0,9}\"",
        "=[a-zA-Z*][a-z/:]{0,5}",
        "=\\?[01]",
        "=:aGVsbG8=:",
        "=\\(1 \"a, catalog=2\" b\\)",
        "",
    ];
    let parameters = prop_oneof![Just(String::new()), ";[a-z]{1,3}(=([0-9]{1,3}|\"[a-z,;= ]{0,6}\"))?"];
    let members = proptest::collection::btree_map(key, (value, parameters), 0..=Generations::MAX_NAMESPACES);
    (members, select(vec![", ", ",", "\t,  "])).prop_map(|(members, separator)| {
        let members: Vec<_> = members.iter().map(|(key, (value, rest))| format!("{key}{value}{rest}")).collect();
        members.join(separator)
    })
}

fn any_status() -> impl Strategy<Value = CacheStatus> {
    let cache = || select(vec![ORIGIN_CACHE, EDGE_CACHE]);
    let detail = || option::of(select(vec!["memory", "store-failed", "set-cookie"]));
    let reasons = vec![Forward::Bypass, Forward::Method, Forward::UriMiss, Forward::Stale, Forward::Request];
    let hit = (cache(), -999_999_999_999_999_i64..=999_999_999_999_999, detail())
        .prop_map(|(cache, ttl_secs, detail)| CacheStatus::Hit { cache, ttl_secs, detail });
    let forwarded = (cache(), select(reasons), any::<bool>(), any::<bool>(), detail()).prop_map(
        |(cache, reason, stored, collapsed, detail)| CacheStatus::Forwarded {
            cache,
            reason,
            stored,
            collapsed,
            detail,
        },
    );
    prop_oneof![hit, forwarded]
}

fn token(item: &BareItem) -> Option<&str> {
    item.as_token().map(|token| token.as_str())
}

/// What `sfv` reads of a member is what was written, by the names that RFC 9211 §2 gives the parameters.
fn check_member(item: &Item, status: &CacheStatus) {
    let parameter = |name: &str| item.params.get(name);
    let is_set = |name: &str| parameter(name).and_then(BareItem::as_boolean).unwrap_or(false);
    let detail_read = parameter("detail").and_then(token);
    match status {
        CacheStatus::Hit { cache, ttl_secs, detail } => {
            assert_eq!((token(&item.bare_item), detail_read), (Some(*cache), *detail));
            assert_eq!(parameter("ttl").and_then(BareItem::as_integer).map(i64::from), Some(*ttl_secs));
            assert!(is_set("hit") && parameter("fwd").is_none());
        }
        CacheStatus::Forwarded { cache, reason: _, stored, collapsed, detail } => {
            assert_eq!((token(&item.bare_item), detail_read), (Some(*cache), *detail));
            assert_eq!((is_set("stored"), is_set("collapsed"), is_set("hit")), (*stored, *collapsed, false));
            let reason = parameter("fwd").and_then(token).unwrap_or_default();
            assert!(["bypass", "method", "uri-miss", "stale", "request"].contains(&reason), "{reason}");
        }
    }
}

/// A list as several caches write it. `hit` is alone or not there: what says `hit=?1`, as none does, is no hit to us.
fn any_cache_status() -> impl Strategy<Value = String> {
    let cache = select(vec![ORIGIN_CACHE, EDGE_CACHE, "kairos-edge-2", "\"a; hit, kairos-edge; hit\""]);
    let parameter = prop_oneof![
        select(vec!["; hit", ";hit", "; fwd=stale", "; ttl=-5", "; stored", "; detail=hit", "; hit-ratio=1"])
            .prop_map(str::to_owned),
        "; key=\"[a-z;, ]{0,6}\"",
    ];
    let member =
        (cache, proptest::collection::vec(parameter, 0..4)).prop_map(|(cache, rest)| cache.to_owned() + &rest.concat());
    proptest::collection::vec(member, 0..4).prop_map(|members| members.join(", "))
}

fn is_hit(list: &List, cache: &str) -> bool {
    list.iter().any(|entry| match entry {
        ListEntry::Item(item) => {
            token(&item.bare_item) == Some(cache) && item.params.get("hit").and_then(BareItem::as_boolean) == Some(true)
        }
        ListEntry::InnerList(_) => false,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn generations_are_written_as_a_dictionary_of_integers(written in any_generations()) {
        let dictionary: Dictionary = Parser::new(&written.to_string()).parse().expect("a dictionary");
        prop_assert_eq!(dictionary.len(), written.iter().count());
        prop_assert_eq!(generations_of(&dictionary), written);
    }

    #[test]
    fn generations_are_read_from_any_dictionary(text in any_dictionary()) {
        let dictionary: Dictionary = Parser::new(&text).parse().expect("a dictionary");
        prop_assert_eq!(Generations::parse(&text), generations_of(&dictionary), "{}", text);
    }

    #[test]
    fn a_cache_status_is_written_as_an_item_with_parameters(status in any_status()) {
        let item: Item = Parser::new(&status.to_string()).parse().expect("an item");
        check_member(&item, &status);
    }

    #[test]
    fn a_hit_is_found_in_any_list(text in any_cache_status()) {
        let list: List = Parser::new(&text).parse().expect("a list");
        for cache in [ORIGIN_CACHE, EDGE_CACHE] {
            prop_assert_eq!(cache_status::is_hit(&text, cache), is_hit(&list, cache), "{}", text);
        }
    }
}
