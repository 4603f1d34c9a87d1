//! Two whole origins on one MongoDB and one Redis (S1): what one acknowledged, the other never shows older (H4, I-SESSION), and each
//! operation counts once whichever of them takes it (I-ONCE). Below HTTP, with Redis failing, this is tested in `coherence.rs`.

#![expect(clippy::indexing_slicing, reason = "a failed check fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use kairos_protocol::api::catalog::Module;
use kairos_protocol::api::headers::{KAIROS_DEGRADED, KAIROS_MIN_GEN};
use kairos_protocol::api::operation::{OperationResults, Outcome};
use kairos_protocol::api::paths;
use kairos_protocol::api::progress::Statistics;
use kairos_tests::origin::{Person, TestOrigin, draft};
use kairos_tests::world::StoreKind;
use reqwest::Method;
use serde_json::{Value, json};

const MODULE: &str = "/v1/modules/caching";
const EDITIONS: u64 = 40;
const READERS: usize = 6;

/// Two instances, or `None`, and a note, without MongoDB or Redis.
async fn two() -> Option<[Arc<TestOrigin>; 2]> {
    let first = TestOrigin::builder().with_store(StoreKind::Mongo).with_redis(true).start().await?;
    let second = first.sibling().await;
    Some([Arc::new(first), Arc::new(second)])
}

async fn publish_edition(origin: &TestOrigin, author: &Person, edition: u64) -> String {
    let mut body = draft("caching");
    body["title"] = json!(format!("Caching, edition {edition}"));
    body["version"] = json!(edition);
    origin.send_as(author, Method::PUT, MODULE, &body).await.expect(200).generations()
}

/// Reads now at one origin, now at the other, until the last edition: never one older than was acknowledged before the request
/// began, nor than the same reader has seen. Returns how many responses came from a cache.
async fn read_on(origins: [Arc<TestOrigin>; 2], acknowledged: Arc<AtomicU64>, reader: usize) -> usize {
    let (mut seen, mut generations, mut hits) = (0, String::new(), 0);
    for turn in 0.. {
        let Some(origin) = origins.iter().cycle().nth((reader + turn) % 2) else { break };
        let least = acknowledged.load(Ordering::SeqCst).max(seen);
        let request = origin.request(Method::GET, MODULE).header(KAIROS_MIN_GEN, &generations);
        let reply = origin.send(request).await.expect(200);
        let version = reply.json::<Module>().version;
        // A store that takes its time is not waited for; what is given then says so.
        let least = if reply.header(KAIROS_DEGRADED).is_some() { seen } else { least };
        assert!(version >= least, "reader {reader}: edition {version} after {least}: {}", reply.cache_status());
        (seen, generations) = (version, reply.generations());
        hits += usize::from(reply.cache_status().contains("hit"));
        if version > EDITIONS {
            break;
        }
        tokio::task::yield_now().await;
    }
    hits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_writes_the_other_never_shows_older() {
    let Some(origins) = two().await else { return };
    let [first, second] = &origins;
    let author = first.author().await;
    first.publish(&author, &["caching"]).await;
    let acknowledged = Arc::new(AtomicU64::new(1));
    let readers = (0..READERS).map(|reader| tokio::spawn(read_on(origins.clone(), Arc::clone(&acknowledged), reader)));
    let readers: Vec<_> = readers.collect();
    for edition in 1..=EDITIONS {
        let writer = if edition.is_multiple_of(2) { first } else { second };
        publish_edition(writer, &author, edition).await;
        acknowledged.store(edition + 1, Ordering::SeqCst);
        for origin in &origins {
            assert_eq!(origin.get(MODULE).await.ok::<Module>().version, edition + 1);
        }
    }
    let hits: usize = join_all(readers).await.into_iter().map(Result::unwrap).sum();
    assert!(hits > 0, "no response came from a cache, so nothing was tested");
}

#[tokio::test]
async fn an_operation_counts_once_whoever_takes_it() {
    let Some(origins) = two().await else { return };
    let [first, second] = &origins;
    let author = first.author().await;
    first.publish(&author, &["caching"]).await;
    let ada = second.learner("ada").await;
    for round in 1..=10_u64 {
        let operation = |n: u64| {
            let action = json!({ "kind": "study", "seconds": 1 });
            json!({ "id": format!("op-{round}-{n}"), "module": "caching", "at_ms": 5, "action": action })
        };
        let batch: Vec<Value> = (0..10).map(operation).collect();
        let body = json!({ "operations": batch });
        let sent =
            [first, second, first, second].map(|origin| origin.send_as(&ada, Method::POST, paths::OPERATIONS, &body));
        let results: Vec<OperationResults> = join_all(sent).await.into_iter().map(|reply| reply.ok()).collect();
        let outcomes = results.iter().flat_map(|one| &one.results).map(|result| &result.outcome);
        let applied = outcomes.clone().filter(|outcome| matches!(outcome, Outcome::Applied { .. })).count();
        let known = outcomes.filter(|outcome| matches!(outcome, Outcome::Duplicate { .. })).count();
        assert_eq!((applied, known), (10, 30), "round {round}");
        for origin in &origins {
            let statistics: Statistics = origin.get_as(&ada, paths::STATISTICS).await.ok();
            assert_eq!(statistics.time_spent_secs, round * 10);
        }
    }
}

#[tokio::test]
async fn a_session_goes_on_at_the_other() {
    let Some([first, second]) = two().await else { return };
    let registering = json!({ "email": "ada@example.org", "display_name": "Ada", "password": "long enough" });
    let mut refresh_token =
        first.post(paths::REGISTER, &registering).await.expect(201).json::<Value>()["refresh_token"].clone();
    for origin in [&second, &first, &second] {
        let grant: Value = origin.post(paths::REFRESH, &json!({ "refresh_token": refresh_token })).await.ok();
        let token = grant["access_token"].as_str().unwrap();
        for other in [&first, &second] {
            let me = other.send(other.request(Method::GET, paths::ME).bearer_auth(token)).await;
            assert_eq!(me.ok::<Value>()["email"], "ada@example.org");
        }
        refresh_token = grant["refresh_token"].clone();
    }
    let _ = first.post(paths::LOGOUT, &json!({ "refresh_token": refresh_token })).await.expect(204);
    let after = second.post(paths::REFRESH, &json!({ "refresh_token": refresh_token })).await;
    assert_eq!(after.status, 401);
}
