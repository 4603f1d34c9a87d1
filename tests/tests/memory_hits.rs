//! What is served from memory, or from Redis, before it is routed: it says the same as what goes the long way, and is given to nobody else. How fast it
//! is, is `cargo xtask bench`'s.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a failed check fails the test")]

use std::collections::BTreeMap;

use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use kairos_tests::in_every_world;
use kairos_tests::origin::{Person, TestOrigin};
use kairos_tests::reply::Reply;
use reqwest::Method;
use serde_json::json;

in_every_world! {
    a_hit_says_what_the_long_way_says
    a_token_that_was_verified_is_good_for_itself_alone_and_until_it_ends
    a_hit_is_never_older_than_what_was_acknowledged
}

/// One field, several times, is one entry.
fn fields(reply: &Reply) -> BTreeMap<String, Vec<String>> {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &reply.headers {
        fields.entry(name.to_string()).or_default().push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    // What each response has of its own.
    ["date", "x-request-id", "cache-status", "server-timing"].iter().for_each(|name| drop(fields.remove(*name)));
    fields
}

async fn ask(origin: &TestOrigin, method: Method, path: &str, sent: &[(&str, &str)], person: Option<&Person>) -> Reply {
    let mut request = origin.request(method, path);
    for (name, value) in sent {
        request = request.header(*name, *value);
    }
    if let Some(person) = person {
        request = request.bearer_auth(&person.token);
    }
    origin.send(request).await
}

/// `HEAD` is always answered the long way, with the fields of a `GET` (RFC 9110 §9.3.2).
async fn a_hit_says_what_the_long_way_says(origin: TestOrigin) {
    let author = origin.author().await;
    let mut module = kairos_tests::origin::draft("long");
    module["content"] = json!("How long may this answer be used? ".repeat(100));
    let _ = origin.send_as(&author, Method::POST, paths::MODULES, &module).await.expect(201);
    let ada = origin.learner("ada").await;
    for (path, person) in [
        ("/v1/modules/long", None),
        ("/v1/modules?limit=50&tag=http", None),
        (paths::STATISTICS, Some(&ada)),
        (paths::ME, Some(&ada)),
    ] {
        for coding in ["identity", "gzip", "br", "zstd", "br;q=0.1, zstd", "*;q=0"] {
            let sent = [("accept-encoding", coding)];
            let first = ask(&origin, Method::GET, path, &sent, person).await.expect(200);
            let hit = ask(&origin, Method::GET, path, &sent, person).await.expect(200);
            let long = ask(&origin, Method::HEAD, path, &sent, person).await.expect(200);
            assert!(hit.cache_status().contains("hit;") && hit.cache_status().ends_with("detail=memory"), "{path}");
            assert_eq!((fields(&hit), &hit.body), (fields(&first), &first.body), "{path}, {coding}");
            assert_eq!(fields(&hit), fields(&long), "{path}, {coding}");
            assert_eq!(hit.cache_status(), long.cache_status());
            let tag = hit.header("etag").expect("it has one").to_owned();
            let sent = [("accept-encoding", coding), ("if-none-match", tag.as_str())];
            let hit = ask(&origin, Method::GET, path, &sent, person).await.expect(304);
            let long = ask(&origin, Method::HEAD, path, &sent, person).await.expect(304);
            assert_eq!((fields(&hit), hit.body.len()), (fields(&long), 0), "{path}, {coding}");
        }
    }
}

/// What an instance with an empty memory gives, which Redis has the response of.
async fn from_redis(origin: &TestOrigin, method: &Method, path: &str, sent: &[(&str, &str)], ada: &Person) -> Reply {
    // It is put there soon after it was given.
    for _ in 0..200 {
        let empty = origin.sibling().await;
        let reply = ask(&empty, method.clone(), path, sent, Some(ada)).await;
        if reply.cache_status().ends_with("detail=redis") {
            return reply;
        }
    }
    panic!("redis never had {path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_has_says_what_the_long_way_says() {
    let Some(origin) = TestOrigin::builder().with_redis(true).start().await else { return };
    let author = origin.author().await;
    let mut module = kairos_tests::origin::draft("long");
    module["content"] = json!("How long may this answer be used? ".repeat(100));
    let _ = origin.send_as(&author, Method::POST, paths::MODULES, &module).await.expect(201);
    let (ada, bob) = (origin.learner("ada").await, origin.learner("bob").await);
    for path in ["/v1/modules/long", "/v1/modules?limit=50&tag=http", paths::STATISTICS] {
        for coding in ["identity", "br"] {
            let sent = [("accept-encoding", coding)];
            let first = ask(&origin, Method::GET, path, &sent, Some(&ada)).await.expect(200);
            let quick = from_redis(&origin, &Method::GET, path, &sent, &ada).await.expect(200);
            let long = from_redis(&origin, &Method::HEAD, path, &sent, &ada).await.expect(200);
            assert!(quick.cache_status().contains("hit;"), "{}", quick.cache_status());
            assert_eq!((fields(&quick), &quick.body), (fields(&first), &first.body), "{path}, {coding}");
            assert_eq!(fields(&quick), fields(&long), "{path}, {coding}");
            let sent = [("accept-encoding", coding), ("if-none-match", first.header("etag").expect("it has one"))];
            let unchanged = from_redis(&origin, &Method::GET, path, &sent, &ada).await.expect(304);
            assert_eq!(unchanged.body.len(), 0, "{path}, {coding}");
        }
    }
    // What one instance has from there, it has; and a learner's own is nobody else's.
    let empty = origin.sibling().await;
    for tier in ["detail=redis", "detail=memory"] {
        let reply = empty.get_as(&ada, paths::STATISTICS).await.expect(200);
        assert!(reply.cache_status().ends_with(tier), "{}", reply.cache_status());
    }
    let other = empty.get_as(&bob, paths::STATISTICS).await.expect(200);
    assert_eq!(other.cache_status(), "kairos-origin; fwd=uri-miss; stored");
}

async fn a_token_that_was_verified_is_good_for_itself_alone_and_until_it_ends(origin: TestOrigin) {
    let (ada, bob) = (origin.learner("ada").await, origin.learner("bob").await);
    for _ in 0..2 {
        let _ = origin.get_as(&ada, paths::STATISTICS).await.expect(200);
    }
    let (head, signature) = ada.token.rsplit_once('.').expect("a token has three parts");
    let flipped: String = signature.chars().map(|c| if c == 'A' { 'B' } else { 'A' }).collect();
    let (_, others) = bob.token.rsplit_once('.').expect("a token has three parts");
    for signature in ["", &flipped, others, &signature[1..]] {
        let forged = Person { token: format!("{head}.{signature}"), ..ada.clone() };
        let reply = origin.get_as(&forged, paths::STATISTICS).await;
        assert_eq!(reply.status, 401, "{signature}: {}", reply.text());
    }
    let twice = origin.request(Method::GET, paths::STATISTICS).bearer_auth(&ada.token).bearer_auth(&ada.token);
    let _ = origin.send(twice).await.expect(401);
    let _ = origin.get_as(&ada, paths::STATISTICS).await.expect(200);
    origin.clock.advance_ms(16 * 60 * 1_000);
    let _ = origin.get_as(&ada, paths::STATISTICS).await.problem(ProblemType::TokenExpired);
}

async fn a_hit_is_never_older_than_what_was_acknowledged(origin: TestOrigin) {
    let author = origin.author().await;
    origin.publish(&author, &["one"]).await;
    let ada = origin.learner("ada").await;
    for number in 1..=20 {
        let before = origin.get_as(&ada, paths::STATISTICS).await.expect(200);
        let _ = origin.get_as(&ada, paths::STATISTICS).await.expect(200);
        let id = format!("operation-{number}");
        let study = json!({ "kind": "study", "seconds": 60 });
        let operations =
            json!({ "operations": [{ "id": id, "module": "one", "at_ms": 1_760_000_000_000_i64, "action": study }] });
        let _ = origin.send_as(&ada, Method::POST, paths::OPERATIONS, &operations).await.expect(200);
        let after: serde_json::Value = origin.get_as(&ada, paths::STATISTICS).await.ok();
        assert_eq!(after["time_spent_secs"], json!(60 * number), "before: {}", before.text());
    }
}
