//! Modules one by one: a write to one leaves the stored responses of the others in use (H4), and whoever has seen that write never sees
//! an older state of any (I-SESSION), at one origin and across two. What a module is, `catalog.rs` tests.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed check fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use kairos_protocol::api::catalog::{Module, ModuleSummary};
use kairos_protocol::api::headers::{KAIROS_DEGRADED, KAIROS_MIN_GEN};
use kairos_protocol::api::page::Page;
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};
use kairos_tests::in_every_world;
use kairos_tests::origin::{Person, TestOrigin, draft};
use kairos_tests::reply::Reply;
use kairos_tests::world::StoreKind;
use reqwest::Method;
use serde_json::json;

in_every_world! {
    a_write_to_one_module_leaves_the_others_stored
    a_module_that_changed_is_loaded_whatever_changed_besides
    what_callers_say_of_a_single_module_is_not_heard
}

const OTHER: &str = "/v1/modules/other";

/// `caching` and `other`, published.
async fn two_modules(origin: &TestOrigin) -> Person {
    let author = origin.author().await;
    origin.publish(&author, &["caching", "other"]).await;
    author
}

/// Replaces `slug`, which has version `edition`, and returns the generations that its author is told.
async fn publish_edition(origin: &TestOrigin, author: &Person, slug: &str, edition: u64) -> String {
    let mut body = draft(slug);
    body["title"] = json!(title(edition));
    body["version"] = json!(edition);
    origin.send_as(author, Method::PUT, &paths::module(slug), &body).await.expect(200).generations()
}

fn title(edition: u64) -> String {
    format!("Edition {edition:04}")
}

async fn get_having_seen(origin: &TestOrigin, path: &str, seen: &str) -> Reply {
    origin.send(origin.request(Method::GET, path).header(KAIROS_MIN_GEN, seen)).await
}

fn catalog(generations: &str) -> Generation {
    Generations::parse(generations).get(&Namespace::Catalog).unwrap()
}

/// What comes of a write to `caching`.
async fn check_others(origin: &TestOrigin, what: &str, written: &str) {
    for seen in ["", written, written] {
        let reply = get_having_seen(origin, OTHER, seen).await.expect(200);
        let (status, told) = (reply.cache_status(), reply.generations());
        assert!(status.contains("hit") && status.contains("detail=memory"), "{what}: {status}");
        assert!(catalog(&told) >= catalog(written), "{what}: {told} after {written}");
        assert!(!told.contains("module"), "{what}: {told}");
        assert_eq!(reply.json::<Module>().version, 1, "{what}");
    }
    let list = get_having_seen(origin, paths::MODULES, written).await.expect(200);
    assert!(!list.cache_status().contains("hit"), "{what}: {}", list.cache_status());
}

async fn a_write_to_one_module_leaves_the_others_stored(origin: TestOrigin) {
    let author = two_modules(&origin).await;
    let _ = origin.get(OTHER).await.expect(200);
    let stored = origin.get(OTHER).await.expect(200);
    assert!(stored.cache_status().contains("hit"), "{}", stored.cache_status());
    for edition in 1..=3 {
        let written = publish_edition(&origin, &author, "caching", edition).await;
        check_others(&origin, "a replacement", &written).await;
        assert_eq!(origin.get("/v1/modules/caching").await.ok::<Module>().version, edition + 1);
    }
    let deletion = origin.request(Method::DELETE, "/v1/modules/caching?version=4").bearer_auth(&author.token);
    check_others(&origin, "a deletion", &origin.send(deletion).await.expect(204).generations()).await;
    let gone = origin.get("/v1/modules/caching").await;
    assert!(!gone.generations().contains("module"), "{}", gone.generations());
    let _ = gone.problem(ProblemType::NotFound);
    let again = origin.send_as(&author, Method::POST, paths::MODULES, &draft("caching")).await.expect(201);
    check_others(&origin, "a new one", &again.generations()).await;
    assert_eq!(origin.get("/v1/modules/caching").await.ok::<Module>().version, 5);
}

async fn a_module_that_changed_is_loaded_whatever_changed_besides(origin: TestOrigin) {
    let author = two_modules(&origin).await;
    for edition in 1..=5 {
        let stored = origin.get(OTHER).await.expect(200);
        assert_eq!(stored.json::<Module>().version, edition);
        publish_edition(&origin, &author, "caching", 2 * edition - 1).await;
        let written = publish_edition(&origin, &author, "other", edition).await;
        publish_edition(&origin, &author, "caching", 2 * edition).await;
        let seen = if edition % 2 == 0 { written.as_str() } else { "" };
        let reply = get_having_seen(&origin, OTHER, seen).await.expect(200);
        assert!(!reply.cache_status().contains("hit"), "{}", reply.cache_status());
        assert_eq!(reply.json::<Module>().version, edition + 1);
    }
}

async fn what_callers_say_of_a_single_module_is_not_heard(origin: TestOrigin) {
    let _ = two_modules(&origin).await;
    let _ = origin.get(OTHER).await.expect(200);
    for seen in ["module.other=999999999999999", "module.other=1, catalog=1", "module.other=x"] {
        let reply = get_having_seen(&origin, OTHER, seen).await.expect(200);
        assert!(reply.cache_status().contains("hit"), "{seen}: {}", reply.cache_status());
        assert!(!reply.generations().contains("module"), "{seen}: {}", reply.generations());
    }
}

/// Two instances, or `None`, and a note, without MongoDB or Redis.
async fn two_origins() -> Option<[Arc<TestOrigin>; 2]> {
    let first = TestOrigin::builder().with_store(StoreKind::Mongo).with_redis(true).start().await?;
    let second = first.sibling().await;
    Some([Arc::new(first), Arc::new(second)])
}

#[tokio::test]
async fn what_redis_has_of_a_module_outlives_a_write_to_another() {
    let Some([first, second]) = two_origins().await else { return };
    let author = two_modules(&first).await;
    let _ = first.get(OTHER).await.expect(200);
    // It gets there soon after it was loaded.
    while !second.sibling().await.get(OTHER).await.expect(200).cache_status().contains("detail=redis") {}
    let written = publish_edition(&first, &author, "caching", 1).await;
    for seen in ["", &written] {
        let fresh = first.sibling().await;
        let reply = get_having_seen(&fresh, OTHER, seen).await.expect(200);
        assert!(reply.cache_status().contains("hit"), "{}", reply.cache_status());
        assert!(reply.cache_status().contains("detail=redis"), "{}", reply.cache_status());
        assert!(catalog(&reply.generations()) >= catalog(&written), "{}", reply.generations());
    }
}

const EDITIONS: u64 = 40;

/// Reads lists at one origin and then what they name at the other, or the other way round, and carries along what it was told: no module
/// is older than the list showed it, nor a list than the module was. Returns how many modules came from a cache.
async fn browse(origins: [Arc<TestOrigin>; 2], is_over: Arc<AtomicBool>, reader: usize) -> usize {
    let (mut seen, mut generations, mut hits) = ([String::new(), String::new()], String::new(), 0);
    for turn in reader.. {
        let [here, there] = if turn % 2 == 0 { [&origins[0], &origins[1]] } else { [&origins[1], &origins[0]] };
        let list = get_having_seen(here, paths::MODULES, &generations).await.expect(200);
        generations = list.generations();
        for summary in list.json::<Page<ModuleSummary>>().items {
            let which = usize::from(summary.slug.as_str() == "other");
            assert!(summary.title >= seen[which], "a list has {} after {}", summary.title, seen[which]);
            seen[which].clone_from(&summary.title);
        }
        for (which, path) in ["/v1/modules/caching", OTHER].into_iter().enumerate() {
            let reply = get_having_seen(there, path, &generations).await.expect(200);
            hits += usize::from(reply.cache_status().contains("hit") && reply.header(KAIROS_DEGRADED).is_none());
            generations = reply.generations();
            let shown = reply.json::<Module>().summary.title;
            assert!(shown >= seen[which], "{path}: {shown} after {}: {}", seen[which], reply.cache_status());
            seen[which] = shown;
        }
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        tokio::task::yield_now().await;
    }
    hits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_modules_of_one_session_never_go_back() {
    let Some(origins) = two_origins().await else { return };
    let author = two_modules(&origins[0]).await;
    // From here on titles are in the order of editions.
    for slug in ["caching", "other"] {
        publish_edition(&origins[0], &author, slug, 1).await;
    }
    let is_over = Arc::<AtomicBool>::default();
    let readers = (0..4).map(|reader| tokio::spawn(browse(origins.clone(), Arc::clone(&is_over), reader)));
    let readers: Vec<_> = readers.collect();
    for edition in 2..=EDITIONS {
        for (writer, slug) in origins.iter().zip(["caching", "other"]) {
            // One of them changes half as often.
            if slug == "caching" || edition % 2 == 0 {
                let version = if slug == "caching" { edition } else { 1 + edition / 2 };
                let written = publish_edition(writer, &author, slug, version).await;
                let path = paths::module(slug);
                let reply = get_having_seen(&origins[edition as usize % 2], &path, &written).await.expect(200);
                assert_eq!(reply.json::<Module>().version, version + 1);
            }
        }
    }
    is_over.store(true, Ordering::SeqCst);
    let hits: usize = join_all(readers).await.into_iter().map(Result::unwrap).sum();
    assert!(hits > 0, "no response came from a cache, so nothing was tested");
}
