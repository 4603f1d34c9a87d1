//! A replica set of three whose primary is killed while learners write: what was acknowledged is there afterwards, once; and one that has
//! lost two. Faults of all kinds at once are `cargo xtask chaos`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kairos_origin::store::mongo::MongoStore;
use kairos_origin::store::progress::FingerprintedOperation;
use kairos_origin::store::{ProgressStore, StoreError};
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::operation::{Action, Operation};
use kairos_tests::mongod::Mongod;
use mongodb::bson::{Document, doc};
use tokio::time::sleep;

const NOW: i64 = 4_000_000_000_000;
const WRITERS: usize = 8;
/// How long an election and all that waits for it may take, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// Three members, the first of them primary soon.
async fn replica_set() -> Option<Vec<Mongod>> {
    let mut members = Vec::new();
    for _ in 0..3 {
        members.push(Mongod::start_with(&["--replSet", "three"]).await?);
    }
    let hosts = members.iter().zip(0_i32..).map(|(member, id)| doc! { "_id": id, "host": member.address() });
    let settings = doc! { "electionTimeoutMillis": 2_000, "heartbeatIntervalMillis": 500 };
    let config = doc! { "_id": "three", "members": hosts.collect::<Vec<Document>>(), "settings": settings };
    let admin = members.first()?.client().await.database("admin");
    admin.run_command(doc! { "replSetInitiate": config }).await.unwrap();
    Some(members)
}

/// The place of the primary among the members.
async fn primary(members: &[Mongod]) -> usize {
    let began = Instant::now();
    loop {
        for (place, member) in members.iter().enumerate() {
            let hello = member.client().await.database("admin").run_command(doc! { "hello": 1 }).await;
            if hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary") == Ok(true)) {
                return place;
            }
        }
        assert!(began.elapsed() < PATIENCE, "no primary");
        sleep(Duration::from_millis(50)).await;
    }
}

fn study(n: usize) -> FingerprintedOperation {
    let (id, module) = (OperationId::new(format!("op{n}")).unwrap(), Slug::new("m").unwrap());
    FingerprintedOperation::new(Operation { id, module, at_ms: NOW, action: Action::Study { seconds: 60 } })
}

/// Writes one operation after another, each until it is acknowledged, as a client does; returns how many were.
async fn write(store: MongoStore, user: UserId, acknowledged: Arc<AtomicUsize>, enough: Arc<AtomicUsize>) -> usize {
    let (began, mut n) = (Instant::now(), 0);
    while acknowledged.load(Ordering::SeqCst) < enough.load(Ordering::SeqCst) {
        assert!(began.elapsed() < 2 * PATIENCE, "{user}: {n} acknowledged, and no more");
        match store.apply_operations(&user, &[study(n)], NOW).await {
            Ok(_) => {
                n += 1;
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            Err(StoreError::Unavailable(_) | StoreError::Unanswered(_)) => {}
            Err(error) => panic!("{user}: {error}"),
        }
    }
    n
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_with_the_primary() {
    let Some(mut members) = replica_set().await else { return };
    let first = primary(&members).await;
    let hosts: Vec<String> = members.iter().map(Mongod::address).collect();
    let store = MongoStore::open(&format!("mongodb://{}/kairos?replicaSet=three", hosts.join(","))).await.unwrap();
    store.create_indexes().await.unwrap();

    let (acknowledged, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(usize::MAX)));
    let user = |n: usize| UserId::new(format!("learner-{n}")).unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| tokio::spawn(write(store.clone(), user(n), Arc::clone(&acknowledged), Arc::clone(&enough))))
        .collect();
    let began = Instant::now();
    while acknowledged.load(Ordering::SeqCst) < 100 {
        assert!(began.elapsed() < PATIENCE, "{acknowledged:?} acknowledged");
        sleep(Duration::from_millis(10)).await;
    }
    // SIGKILL, with eight writes under way.
    drop(members.remove(first));
    let before = acknowledged.load(Ordering::SeqCst);
    enough.store(before + 200, Ordering::SeqCst);
    let mut counts = Vec::new();
    for writer in writers {
        counts.push(writer.await.unwrap());
    }
    let after = acknowledged.load(Ordering::SeqCst) - before;
    println!("{before} acknowledged before, {after} after; all of it took {:?}", began.elapsed());

    for (n, count) in counts.into_iter().enumerate() {
        let ids: Vec<_> = (0..count).map(|n| study(n).operation.id).collect();
        let known = store.known_among(&user(n), &ids).await.unwrap();
        assert_eq!(known.len(), count, "learner {n}");
        let statistics = store.statistics(&user(n)).await.unwrap().value;
        assert_eq!(statistics.time_spent_secs, 60 * count as u64, "learner {n}: each counted once");
    }
    assert!(before >= 100 && after >= 200);
}

// There may be a primary soon, so the breaker opens later than for a server that does not answer at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_without_a_primary_is_waited_for_some_seconds_and_then_not_at_all() {
    let Some(mut members) = replica_set().await else { return };
    primary(&members).await;
    let hosts: Vec<String> = members.iter().map(Mongod::address).collect();
    let store = MongoStore::open(&format!("mongodb://{}/kairos?replicaSet=three", hosts.join(","))).await.unwrap();
    store.create_indexes().await.unwrap();
    let ada = UserId::new("ada").unwrap();
    store.statistics(&ada).await.unwrap();

    members.truncate(1);
    let admin = members.first().unwrap().client().await.database("admin");
    let is_primary = async || {
        let hello = admin.run_command(doc! { "hello": 1 }).await.unwrap();
        hello.get_bool("isWritablePrimary").unwrap()
    };
    while is_primary().await {
        sleep(Duration::from_millis(50)).await;
    }
    let began = Instant::now();
    let first = store.statistics(&ada).await;
    assert!(matches!(first, Err(StoreError::Unavailable(_))), "{first:?}");
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(3), "{waited:?}");
    // What is refused without being sent is refused within milliseconds; one of many is, on a busy machine too.
    let mut tries = 0;
    loop {
        let began_one = Instant::now();
        let refused = store.statistics(&ada).await.unwrap_err();
        if began_one.elapsed() < Duration::from_millis(100) {
            assert!(refused.to_string().contains("breaker"), "{refused}");
            break;
        }
        tries += 1;
        assert!(began.elapsed() < PATIENCE, "it is still waited for");
    }
    println!("waited for {waited:?}, then {tries} times, then not at all, after {:?}", began.elapsed());

    let config = doc! { "_id": "three", "version": 100_000, "members": [{ "_id": 0, "host": hosts.first() }] };
    admin.run_command(doc! { "replSetReconfig": config, "force": true }).await.unwrap();
    let began = Instant::now();
    while let Err(error) = store.statistics(&ada).await {
        assert!(began.elapsed() < PATIENCE, "{error}");
        sleep(Duration::from_millis(50)).await;
    }
}
