//! MongoDB when it is slow or gone, and what a call that was cut short leaves behind. Not what both stores do alike (`store`).

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::time::{Duration, Instant};

use kairos_origin::store::mongo::{MongoStore, configure};
use kairos_origin::store::records::{Applied, FingerprintedOperation};
use kairos_origin::store::{Store, StoreError};
use kairos_protocol::ids::{OperationId, Slug, UserId};
use kairos_protocol::operation::{Action, Operation};
use kairos_tests::world::{StoreKind, World};
use mongodb::bson::{Document, doc};
use mongodb::options::ClientOptions;
use tokio::net::TcpListener;

const NOW: i64 = 1_790_000_000_000;
const MINUTE_MS: i64 = 60_000;

fn ada() -> UserId {
    UserId::new("ada").unwrap()
}

/// A minute of study in the module `m`.
fn study(id: &str) -> FingerprintedOperation {
    FingerprintedOperation::new(Operation {
        id: OperationId::new(id).unwrap(),
        module: Slug::new("m").unwrap(),
        at_ms: NOW,
        action: Action::Study { seconds: 60 },
    })
}

/// A store over `url` that looks for a server for `patience` at most.
async fn impatient(url: &str, patience: Duration) -> MongoStore {
    let mut options = ClientOptions::parse(url).await.unwrap();
    options.server_selection_timeout = Some(patience);
    configure(&mut options);
    MongoStore::with_options(options, "kairos_test_outage").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_waits_for_a_dead_server_no_longer_than_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mongodb://{}", listener.local_addr().unwrap());
    drop(listener);
    let store = impatient(&url, Duration::from_secs(1)).await;
    let began = Instant::now();
    let crowd: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.statistics(&ada()).await })
        })
        .collect();
    for one in crowd {
        assert!(matches!(one.await.unwrap(), Err(StoreError::Unavailable(_))));
    }
    // One attempt for those that came first, at most one more for those that came as it ended.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_unavailable_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mongodb://{}", listener.local_addr().unwrap());
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            held.push(listener.accept().await.unwrap());
        }
    });
    let store = MongoStore::open(&url).await.unwrap();
    let began = Instant::now();
    let asked = store.ping().await;
    assert!(matches!(asked, Err(StoreError::Unanswered(_))), "{asked:?}");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let read = store.statistics(&ada()).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    // 5 s for finding a server.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    silent.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_that_comes_much_later_still_applies_once() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let store = MongoStore::open(world.mongodb_url().unwrap()).await.unwrap();
    let ids = store.database().collection::<Document>("operations");
    let history = store.database().collection::<Document>("history");
    let apply = async |id: &str, now: i64| store.apply_operations(&ada(), &[study(id)], now).await.unwrap();

    // A call that died after it changed the record: no line of history, no mark.
    apply("first", NOW).await;
    history.delete_one(doc! { "_id": "ada/first" }).await.unwrap();
    ids.update_one(doc! { "_id": "ada/first" }, doc! { "$set": { "applied": false } }).await.unwrap();

    // Long after, another device's operations pass through the same record.
    for (id, minutes) in [("second", 20), ("third", 40)] {
        apply(id, NOW + minutes * MINUTE_MS).await;
    }
    let progress = store.database().collection::<Document>("progress");
    let record = progress.find_one(doc! { "_id": "ada/m" }).await.unwrap().unwrap();
    let listed: Vec<_> =
        record.get_array("recent").unwrap().iter().map(|r| r.as_document().unwrap().get_str("id").unwrap()).collect();
    assert_eq!(listed, ["first", "third"], "what is settled is forgotten, what was cut short is not");

    let repeat = apply("first", NOW + 60 * MINUTE_MS).await;
    assert!(matches!(repeat.as_slice(), [Applied::Before(r)] if r.time_spent_secs == 180), "{repeat:?}");
    assert_eq!(store.list_history(&ada(), None, 10).await.unwrap().len(), 3);
}
