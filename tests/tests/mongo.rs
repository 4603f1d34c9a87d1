//! MongoDB when it is slow or gone, and what a record of it holds. Not what both stores do alike (`store`), nor what fails half way
//! (`mongo_faults.rs`).

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use kairos_origin::store::mongo::{MongoStore, configure};
use kairos_origin::store::progress::{Applied, FingerprintedOperation};
use kairos_origin::store::{HealthStore, ProgressStore, StoreError};
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::operation::{Action, Operation};
use kairos_tests::world::{StoreKind, World};
use mongodb::bson::{Document, doc};
use mongodb::options::ClientOptions;
use tokio::net::TcpListener;

const NOW: i64 = 1_790_000_000_000;

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
async fn a_record_does_not_grow_with_what_is_done_in_its_module() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let store = MongoStore::open(world.mongodb_url().unwrap()).await.unwrap();
    let batches: u64 = std::env::var("KAIROS_TEST_BATCHES").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let began = Instant::now();
    let mut sizes = Vec::new();
    for batch in 0..batches {
        // All of it within a minute.
        let operations: Vec<_> = (0..100).map(|n| study(&format!("operation-{batch}-{n}"))).collect();
        store.apply_operations(&ada(), &operations, NOW + i64::try_from(batch).unwrap()).await.unwrap();
        let sized =
            vec![doc! { "$match": { "_id": "ada/m" } }, doc! { "$project": { "size": { "$bsonSize": "$$ROOT" } } }];
        let progress = store.database().collection::<Document>("progress");
        let found = progress.aggregate(sized).await.unwrap().try_next().await.unwrap().unwrap();
        sizes.push(found.get_i32("size").unwrap());
    }
    let done = batches * 100;
    println!("after {done} operations the record has {:?} bytes; they took {:?}", sizes.last(), began.elapsed());
    let (first, last) = (sizes.first().unwrap(), sizes.last().unwrap());
    assert!(*last <= first + 100 && *last < 2_000, "{sizes:?}");
    assert_eq!(store.statistics(&ada()).await.unwrap().value.time_spent_secs, done * 60);
    let repeat = store.apply_operations(&ada(), &[study("operation-0-0")], NOW + 100_000_000).await.unwrap().value;
    assert!(matches!(repeat.as_slice(), [Applied::Before(r)] if r.time_spent_secs == done * 60), "{repeat:?}");
}
