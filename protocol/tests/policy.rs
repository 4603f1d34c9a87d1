//! The policy table: which path has which policy, and that no shared cache is ever told to store a learner's data (I-PRIVATE).

use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::paths;
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::freshness::FreshnessLifetime;
use kairos_protocol::http::freshness::shared_lifetime;
use kairos_protocol::policy::{Policy, Sharing};
use kairos_protocol::sync::generation::Namespace;

#[test]
fn every_path_has_the_policy_meant_for_it() {
    for (path, policy) in [
        (paths::MODULES, Policy::CatalogList),
        (paths::MODULES_SEARCH, Policy::CatalogSearch),
        (&paths::module("vary"), Policy::CatalogModule),
        (paths::PROGRESS, Policy::Progress),
        (paths::STATISTICS, Policy::Statistics),
        (paths::HISTORY, Policy::History),
        (paths::ME, Policy::Profile),
        (paths::JWKS, Policy::Published),
        (paths::OPENAPI, Policy::Published),
        (paths::HEALTH_LIVE, Policy::NoStore),
        (paths::HEALTH_READY, Policy::NoStore),
        (paths::METRICS, Policy::NoStore),
        (paths::REGISTER, Policy::NoStore),
        (paths::LOGIN, Policy::NoStore),
        (paths::REFRESH, Policy::NoStore),
        (paths::LOGOUT, Policy::NoStore),
        (paths::OPERATIONS, Policy::NoStore),
        ("", Policy::NoStore),
        ("/", Policy::NoStore),
        ("/v1/modules/", Policy::NoStore),
        ("/v1/modules/a/b", Policy::NoStore),
        ("/v1/modulesx", Policy::NoStore),
        ("/V1/modules", Policy::NoStore),
        ("/v1/me/progress/", Policy::NoStore),
    ] {
        assert_eq!(Policy::of_path(path), policy, "{path}");
    }
}

#[test]
fn a_module_path_holds_exactly_one_slug() {
    for (path, slug) in [
        ("/v1/modules/vary", Some("vary")),
        ("/v1/modules/searching", Some("searching")),
        (paths::MODULES_SEARCH, None),
        ("/v1/modules", None),
        ("/v1/modules/", None),
        ("/v1/modules/a/", None),
        ("/v1/modules//", None),
        ("v1/modules/a", None),
    ] {
        assert_eq!(paths::module_slug(path), slug, "{path}");
    }
    assert_eq!(paths::module_slug(&paths::module("vary")), Some("vary"));
}

#[test]
fn i_private_no_shared_cache_may_store_what_is_not_for_everyone() {
    for policy in Policy::ALL.iter().copied().filter(|p| p.sharing() != Sharing::Everyone) {
        assert_eq!(policy.cdn_cache_control(), None, "{policy:?}");
        assert_eq!(
            policy.at_edge(),
            FreshnessLifetime { fresh_secs: 0, stale_while_revalidate_secs: 0, stale_if_error_secs: 0 }
        );
        let general = CacheControl::parse(policy.cache_control());
        assert!(general.private || general.no_store, "{policy:?}");
        // Not even a targeted header that somebody adds on the way opens it.
        let targeted = CacheControl::parse("max-age=600");
        assert_eq!(shared_lifetime(Some(&targeted), &general), None, "{policy:?}");
        assert_eq!(shared_lifetime(None, &general), None, "{policy:?}");
    }
}

#[test]
fn the_headers_of_a_policy_say_what_its_table_says() {
    for policy in Policy::ALL.iter().copied().filter(|p| p.sharing() == Sharing::Everyone) {
        let targeted = policy.cdn_cache_control().as_deref().map(CacheControl::parse);
        let general = CacheControl::parse(policy.cache_control());
        assert_eq!(shared_lifetime(targeted.as_ref(), &general), Some(policy.at_edge()), "{policy:?}");
        assert_eq!(shared_lifetime(None, &general), None, "other caches must validate: {policy:?}");
    }
}

#[test]
fn responses_depend_on_what_they_are_made_from() {
    let user = UserId::new("u1").expect("a user id");
    for policy in Policy::ALL.iter().copied() {
        let (signed_in, nobody) = (policy.namespaces(Some(&user)), policy.namespaces(None));
        match policy {
            Policy::CatalogList | Policy::CatalogModule | Policy::CatalogSearch => {
                assert_eq!((signed_in, nobody), (vec![Namespace::Catalog], vec![Namespace::Catalog]), "{policy:?}");
            }
            Policy::Progress | Policy::Statistics | Policy::History | Policy::Profile => {
                assert_eq!((signed_in, nobody), (vec![Namespace::User(user.clone())], vec![]), "{policy:?}");
            }
            Policy::Published | Policy::NoStore => assert_eq!((signed_in, nobody), (vec![], vec![]), "{policy:?}"),
        }
    }
}

#[test]
fn origin_lifetimes_are_those_of_row_h3() {
    for (policy, minutes) in
        [(Policy::Statistics, 5), (Policy::Progress, 5), (Policy::CatalogList, 10), (Policy::History, 10)]
    {
        assert_eq!(policy.at_origin().fresh_secs, minutes * 60, "{policy:?}");
    }
}

#[test]
fn policy_names_tell_policies_apart() {
    let names: std::collections::BTreeSet<_> = Policy::ALL.iter().map(|p| p.name()).collect();
    assert_eq!(names.len(), Policy::ALL.len());
}

#[test]
fn a_pattern_fits_the_policies_whose_paths_may_begin_like_it() {
    for (beginning, policies) in [
        ("", &["catalog-list", "catalog-module", "catalog-search", "progress", "statistics", "history", "profile"][..]),
        ("/v1/modules", &["catalog-list", "catalog-module", "catalog-search"]),
        ("/v1/modules?limit", &["catalog-list"]),
        ("/v1/modules/", &["catalog-module", "catalog-search"]),
        ("/v1/modules/cach", &["catalog-module"]),
        ("/v1/modules/search", &["catalog-module", "catalog-search"]),
        ("/v1/modules/search?q=", &["catalog-module", "catalog-search"]),
        ("/v1/me", &["progress", "statistics", "history", "profile"]),
        ("/v1/me/progress", &["progress", "statistics"]),
        ("/v1/me/progress/", &["statistics"]),
        ("/v1/meadow", &[]),
        ("/v1/events", &[]),
        ("/V1", &[]),
    ] {
        let fits = Policy::stored().filter(|policy| policy.may_begin_with(beginning));
        assert_eq!(fits.map(Policy::name).collect::<Vec<_>>(), policies, "{beginning}");
    }
}

#[test]
fn a_tag_is_a_policy_or_what_several_have_in_common() {
    let tagged = |tag: &str| Policy::stored().filter(|policy| policy.tags().contains(&tag)).count();
    for policy in Policy::stored() {
        assert_eq!(tagged(policy.name()), 1, "{policy:?}");
    }
    assert_eq!((tagged("catalog"), tagged("learner"), Policy::stored().count()), (3, 4, 7));
}
