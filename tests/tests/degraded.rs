//! What each route gives while the store is down or slow, with a stored response and without (docs/ARCHITECTURE.md, "With the store down
//! or slow"): through a whole origin, on each store. How a stale response is chosen is in `response_cache.rs` and `refresh.rs`.

#![expect(clippy::indexing_slicing, reason = "a failed check fails the test")]

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kairos_protocol::api::headers::{KAIROS_DEGRADED, KAIROS_MIN_GEN};
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use kairos_tests::in_every_world;
use kairos_tests::origin::{Person, TestOrigin, draft};
use kairos_tests::reply::Reply;
use reqwest::Method;
use serde_json::json;

/// Whose responses come from the store, each with a query that nothing is stored for yet, if it takes one.
const READS: [(&str, Option<&str>); 7] = [
    ("/v1/modules", Some("/v1/modules?limit=7")),
    ("/v1/modules/search?q=about", Some("/v1/modules/search?q=text")),
    ("/v1/modules/caching", Some("/v1/modules/vary")),
    (paths::ME, None),
    (paths::PROGRESS, Some("/v1/me/progress?limit=7")),
    (paths::STATISTICS, None),
    (paths::HISTORY, Some("/v1/me/history?limit=7")),
];

/// Longest that anybody waits for a response which is there.
const LONGEST: Duration = Duration::from_secs(1);

async fn read(origin: &TestOrigin, person: &Person, path: &str) -> Reply {
    origin.get_as(person, path).await
}

/// Everything that the routes give once: the catalogue has two modules, and Ada has opened one.
async fn filled(origin: &TestOrigin) -> [Person; 3] {
    let people = [origin.author().await, origin.learner("ada").await, origin.learner("bob").await];
    let [author, ada, _] = &people;
    origin.publish(author, &["caching", "vary"]).await;
    study(origin, ada, 0).await;
    for (path, _) in READS {
        let _ = read(origin, ada, path).await.expect(200);
    }
    people
}

async fn study(origin: &TestOrigin, person: &Person, round: u32) -> Reply {
    let action = json!({ "kind": "study", "seconds": 60 });
    let operation = json!({ "id": format!("op-{round}"), "module": "caching", "at_ms": 5, "action": action });
    origin.send_as(person, Method::POST, paths::OPERATIONS, &json!({ "operations": [operation] })).await.expect(200)
}

async fn edit(origin: &TestOrigin, author: &Person) -> Reply {
    let mut body = draft("caching");
    (body["version"], body["title"]) = (json!(1), json!("Caching anew"));
    origin.send_as(author, Method::PUT, "/v1/modules/caching", &body).await.expect(200)
}

async fn a_store_that_is_down(origin: TestOrigin) {
    let [author, ada, bob] = filled(&origin).await;
    // What is stored is not current any more, and there is nothing else.
    edit(&origin, &author).await;
    let seen = study(&origin, &ada, 1).await.generations();
    origin.store.break_down();
    for (path, other) in READS {
        let stale = read(&origin, &ada, path).await.expect(200);
        assert_eq!(stale.header(KAIROS_DEGRADED), Some("stale"), "{path}: {}", stale.cache_status());
        assert_eq!(stale.header("cache-control"), Some("no-store"), "{path}");
        // Nobody is told that there is nothing where nobody knows.
        let nothing = match other {
            Some(other) => read(&origin, &ada, other).await,
            None => read(&origin, &bob, path).await,
        };
        let _ = nothing.problem(ProblemType::Unavailable);
        assert!(nothing.header("retry-after").is_some() && nothing.header(KAIROS_DEGRADED).is_none(), "{path}");
    }
    let request = origin.request(Method::GET, paths::STATISTICS).bearer_auth(&ada.token);
    let _ = origin.send(request.header(KAIROS_MIN_GEN, seen)).await.problem(ProblemType::Unavailable);
    for path in [paths::JWKS, paths::OPENAPI] {
        assert_eq!(origin.get(path).await.expect(200).header(KAIROS_DEGRADED), None, "{path} needs no store");
    }
}

async fn a_store_that_is_slow(origin: TestOrigin) {
    let [author, ada, _] = filled(&origin).await;
    edit(&origin, &author).await;
    study(&origin, &ada, 1).await;
    origin.store.stall();
    let reads = READS.map(|(path, _)| {
        let (origin, ada) = (&origin, &ada);
        async move {
            let began = Instant::now();
            let reply = read(origin, ada, path).await.expect(200);
            assert!(began.elapsed() < LONGEST, "{path}: {:?}", began.elapsed());
            assert_eq!(reply.header(KAIROS_DEGRADED), Some("stale"), "{path}: {}", reply.cache_status());
        }
    });
    join_all(reads).await;
    origin.store.repair();
    // The loads went on, and what they brought is there.
    for (path, _) in READS {
        let reply = read(&origin, &ada, path).await.expect(200);
        assert_eq!(reply.header(KAIROS_DEGRADED), None, "{path}: {}", reply.cache_status());
    }
    let caching: serde_json::Value = origin.get("/v1/modules/caching").await.ok();
    assert_eq!(caching["title"], "Caching anew");
}

in_every_world! { a_store_that_is_down a_store_that_is_slow }
