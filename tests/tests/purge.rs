//! Looking into the caches and purging them (H4): what an admin purges is not used again, here at once and on other instances soon after;
//! what is not purged stays. And nobody else may.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failed check fails the test")]

use std::time::Duration;

use kairos_protocol::api::account::Role;
use kairos_protocol::api::cache::{CacheReport, Purged, Tier};
use kairos_protocol::api::headers::KAIROS_GEN;
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::policy::Policy;
use kairos_tests::in_every_world;
use kairos_tests::origin::{Person, TestOrigin};
use kairos_tests::reply::Reply;
use kairos_tests::world::StoreKind;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

in_every_world! {
    what_is_purged_is_not_used_again_and_the_rest_is
    a_purge_is_for_admins_and_names_one_thing_that_there_is
    what_is_stored_is_told
}

const MODULE: &str = "/v1/modules/caching";
const OTHER: &str = "/v1/modules/other";
const LIST: &str = "/v1/modules?limit=10";
const SEARCH: &str = "/v1/modules/search?q=caching";
const ALL: [&str; 7] = [MODULE, OTHER, LIST, SEARCH, paths::STATISTICS, paths::PROGRESS, paths::ME];

/// Two modules, a learner and an admin.
struct Scene {
    origin: TestOrigin,
    ada: Person,
    admin: Person,
}

impl Scene {
    async fn new(origin: TestOrigin) -> Self {
        let author = origin.author().await;
        origin.publish(&author, &["caching", "other"]).await;
        let ada = origin.learner("ada").await;
        let admin = origin.person("admin", &[Role::Admin]).await;
        Self { origin, ada, admin }
    }

    async fn purge(&self, body: Value) -> Reply {
        self.origin.send_as(&self.admin, Method::POST, paths::ADMIN_CACHE_PURGE, &body).await
    }

    async fn is_hit(&self, path: &str) -> bool {
        is_hit(&self.origin, &self.ada, path).await
    }

    async fn report(&self, query: &str) -> CacheReport {
        self.origin.get_as(&self.admin, &format!("{}{query}", paths::ADMIN_CACHE)).await.ok()
    }
}

async fn is_hit(origin: &TestOrigin, reader: &Person, path: &str) -> bool {
    let reply = origin.get_as(reader, path).await.expect(200);
    reply.cache_status().contains("hit")
}

async fn what_is_purged_is_not_used_again_and_the_rest_is(origin: TestOrigin) {
    let scene = Scene::new(origin).await;
    let user = format!("user.{}", scene.ada.id);
    let own = [paths::STATISTICS, paths::PROGRESS, paths::ME];
    for (body, purged) in [
        (json!({ "namespace": "catalog" }), &[MODULE, OTHER, LIST, SEARCH][..]),
        (json!({ "namespace": user }), &own),
        (json!({ "namespace": "user.nobody" }), &[]),
        (json!({ "module": "caching" }), &[MODULE, LIST, SEARCH]),
        (json!({ "module": "missing" }), &[LIST, SEARCH]),
        (json!({ "path": MODULE }), &[MODULE, LIST, SEARCH]),
        (json!({ "tag": "statistics" }), &[paths::STATISTICS]),
        (json!({ "tag": "catalog" }), &[MODULE, OTHER, LIST, SEARCH]),
        (json!({ "tag": "learner" }), &own),
        (json!({ "path": "/v1/modules*" }), &[MODULE, OTHER, LIST, SEARCH]),
        (json!({ "path": "/v1/modules/c*" }), &[MODULE, OTHER]),
        (json!({ "path": "/v1/modules?limit=1*" }), &[LIST]),
        (json!({ "path": LIST }), &[LIST]),
        (json!({ "path": "/v1/me/*" }), &[paths::STATISTICS, paths::PROGRESS]),
        (json!({ "path": "*" }), &ALL),
    ] {
        for path in ALL {
            let _ = scene.is_hit(path).await;
            assert!(scene.is_hit(path).await, "{body}: {path} is stored");
        }
        let reply = scene.purge(body.clone()).await.expect(200);
        assert!(!reply.header(KAIROS_GEN).is_some_and(|told| told.contains("group") || told.contains("module")));
        let _: Purged = reply.json();
        for path in ALL {
            // Twice: what a purge left in Redis must not come back either.
            let (first, again) = (scene.is_hit(path).await, scene.is_hit(path).await);
            assert_eq!((first, again), (!purged.contains(&path), true), "{body}: {path}");
        }
    }
}

async fn a_purge_is_for_admins_and_names_one_thing_that_there_is(origin: TestOrigin) {
    let scene = Scene::new(origin).await;
    let origin = &scene.origin;
    let author = origin.person("teacher", &[Role::Author]).await;
    let body = json!({ "namespace": "catalog" });
    for person in [&scene.ada, &author] {
        let refused = origin.send_as(person, Method::POST, paths::ADMIN_CACHE_PURGE, &body).await;
        let _ = refused.problem(ProblemType::Forbidden);
        let _ = origin.get_as(person, paths::ADMIN_CACHE).await.problem(ProblemType::Forbidden);
    }
    let _ = origin.post(paths::ADMIN_CACHE_PURGE, &body).await.problem(ProblemType::Unauthenticated);
    let _ = origin.get(paths::ADMIN_CACHE).await.problem(ProblemType::Unauthenticated);

    let _ = scene.is_hit(MODULE).await;
    let long = "x".repeat(2_000);
    for (body, kind) in [
        (json!({}), ProblemType::InvalidFields),
        (json!({ "module": "caching", "tag": "catalog" }), ProblemType::InvalidFields),
        (json!({ "namespace": "module.caching" }), ProblemType::InvalidFields),
        (json!({ "namespace": "group.statistics" }), ProblemType::InvalidFields),
        (json!({ "namespace": "user." }), ProblemType::InvalidFields),
        (json!({ "module": "No Slug" }), ProblemType::InvalidFields),
        (json!({ "tag": "catalogue" }), ProblemType::InvalidFields),
        (json!({ "tag": "no-store" }), ProblemType::InvalidFields),
        (json!({ "path": "/v1/events" }), ProblemType::InvalidFields),
        (json!({ "path": "/metrics*" }), ProblemType::InvalidFields),
        (json!({ "path": long }), ProblemType::InvalidFields),
        (json!({ "everything": true }), ProblemType::InvalidBody),
        (json!({ "tag": 5 }), ProblemType::InvalidBody),
    ] {
        println!("{body}");
        let _ = scene.purge(body).await.problem(kind);
    }
    for query in [
        "?path=/v1/events",
        "?path=/v1/modules%3Flimit=0x%26limit=2",
        "?path=/v1/modules%3Fpage=2",
        "?path=/v1/me",
        "?user=ada",
        "?path=/v1/me%26user=",
        "?entries=1",
    ] {
        println!("{query}");
        let reply = origin.get_as(&scene.admin, &format!("{}{query}", paths::ADMIN_CACHE)).await;
        let _ = reply.problem(ProblemType::InvalidQuery);
    }
    assert!(scene.is_hit(MODULE).await, "what was refused purged nothing");
}

async fn what_is_stored_is_told(origin: TestOrigin) {
    let scene = Scene::new(origin).await;
    let before = scene.report("").await;
    assert_eq!(before.policies.len(), Policy::stored().count());
    let nothing = scene.report("?path=/v1/modules/caching").await.stored.unwrap();
    assert_eq!((nothing.target.as_str(), nothing.tiers.len()), (MODULE, 0));
    assert!(!scene.is_hit(MODULE).await);
    assert!(scene.is_hit(MODULE).await && scene.is_hit(MODULE).await);

    let report = scene.report("?path=/v1/modules/caching").await;
    assert!(report.memory.entries > before.memory.entries && report.memory.bytes > before.memory.bytes);
    assert!(report.memory.bytes <= report.memory.capacity_bytes);
    let module = report.policies.iter().find(|one| one.policy == "catalog-module").unwrap();
    assert_eq!((module.memory_hits, module.misses, module.stale), (2, 1, 0));
    assert_eq!(module.tags, ["catalog-module", "catalog"]);
    let stored = report.stored.unwrap();
    let here = stored.tiers.iter().find(|one| one.tier == Tier::Memory).unwrap();
    assert_eq!(Some(&here.generations), stored.current.as_ref());
    assert!(here.module_generation.is_some() && here.bytes > 0 && here.codings.iter().any(|one| one == "identity"));
    assert!((0..60).contains(&here.age_secs) && (500..=600).contains(&here.fresh_for_secs), "{here:?}");

    let own = format!("?path=/v1/me/progress&user={}", scene.ada.id);
    let _ = scene.is_hit(paths::PROGRESS).await;
    let stored = scene.report(&own).await.stored.unwrap();
    assert_eq!(stored.tiers[0].generations.split('=').next().unwrap(), format!("user.{}", scene.ada.id));
    let somebody = scene.report("?path=/v1/me/progress&user=nobody").await.stored.unwrap();
    assert!(somebody.tiers.is_empty());
}

/// How long another instance may take to hear of it, many times over.
const SOON: Duration = Duration::from_secs(30);

async fn other_instances_hear_of_a_purge(with_redis: bool) {
    let builder = TestOrigin::builder().with_store(StoreKind::Mongo).with_redis(with_redis);
    let Some(origin) = builder.start().await else { return };
    let scene = Scene::new(origin).await;
    let other = scene.origin.sibling().await;
    let bob = scene.origin.learner("bob").await;
    for body in [
        json!({ "namespace": "catalog" }),
        json!({ "module": "caching" }),
        json!({ "tag": "catalog-module" }),
        json!({ "path": "/v1/modules/*" }),
    ] {
        let _ = is_hit(&other, &bob, MODULE).await;
        assert!(is_hit(&other, &bob, MODULE).await, "{body}");
        let _ = scene.purge(body.clone()).await.expect(200);
        let heard = async { while is_hit(&other, &bob, MODULE).await {} };
        timeout(SOON, heard).await.unwrap_or_else(|_| panic!("{body}"));
        // Who starts now finds nothing either of what was purged, but what was stored since.
        let started = scene.origin.sibling().await;
        let stored = started.get_as(&scene.admin, &format!("{}?path={MODULE}", paths::ADMIN_CACHE)).await;
        let stored = stored.ok::<CacheReport>().stored.unwrap();
        assert!(stored.tiers.iter().all(|one| one.age_secs < 60), "{body}: {stored:?}");
    }
}

#[tokio::test]
async fn other_instances_hear_of_a_purge_through_redis() {
    other_instances_hear_of_a_purge(true).await;
}

#[tokio::test]
async fn other_instances_hear_of_a_purge_from_the_store() {
    other_instances_hear_of_a_purge(false).await;
}

#[tokio::test]
async fn with_the_store_down_nothing_is_purged() {
    let Some(origin) = TestOrigin::builder().start().await else { return };
    let scene = Scene::new(origin).await;
    let _ = scene.is_hit(MODULE).await;
    scene.origin.store.break_down();
    for body in [json!({ "module": "caching" }), json!({ "tag": "catalog" })] {
        let _ = scene.purge(body).await.problem(ProblemType::Unavailable);
    }
    scene.origin.store.repair();
    assert!(scene.is_hit(MODULE).await);
}
