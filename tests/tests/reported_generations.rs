//! What becomes of a larger generation than is known here that a caller reports to have seen: the store says whether it was given out,
//! and one that was not costs next to nothing.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use kairos_origin::cache::redis::RedisConfig;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};
use kairos_tests::instance::{Instance, PATIENT, TestClock, learner};
use kairos_tests::redis::RedisServer;

fn generation(user: &UserId, number: u64) -> Generations {
    [(Namespace::User(user.clone()), Generation::new(number))].into_iter().collect()
}

/// With a state of the store that somebody else has made, unheard of by `instance`.
async fn check(instance: Instance) {
    let (table, user) = (&instance.table, learner("ada"));
    let queries = || (table.queries.load(Ordering::SeqCst), table.confirmations.load(Ordering::SeqCst));
    let first = instance.read(&user, &Generations::default()).await.unwrap();
    assert_eq!(first.generations, generation(&user, 0));

    // True: another instance wrote, and told nobody but this caller.
    let written = table.increase(&user);
    let read = instance.read(&user, &written.generations).await.unwrap();
    assert_eq!((read.row.number, read.generations), (written.value, written.generations));

    // Not true: served like none, from what is stored; all that come at once are looked into at once.
    let (_, confirmations) = queries();
    for absurd in [2, 1_000, 180_000_000_000_000, 999_999_999_999_999] {
        let reads = (0..100).map(async |_| instance.read(&user, &generation(&user, absurd)).await.unwrap());
        for read in join_all(reads).await {
            assert!(read.status.contains("hit"), "{absurd}: {}", read.status);
            assert_eq!(read.generations, generation(&user, 1), "{absurd}");
        }
    }
    assert!(queries().1 <= confirmations + 8, "{} confirmations", queries().1 - confirmations);
    assert_eq!(table.loads.load(Ordering::SeqCst), 2);
    assert!(instance.read(&user, &Generations::default()).await.unwrap().status.contains("hit"));
}

#[tokio::test]
async fn the_store_says_whether_a_reported_generation_is_true() {
    check(Instance::alone(&TestClock::new())).await;
}

#[tokio::test]
async fn the_store_says_whether_a_reported_generation_is_true_beside_redis() {
    let Some(redis) = RedisServer::start().await else { return };
    let config = RedisConfig { operation_timeout: PATIENT, ..RedisConfig::new(redis.url()) };
    check(Instance::sharing(config, Default::default()).await).await;
}

#[tokio::test]
async fn a_true_report_is_not_denied_by_a_deposed_server() {
    let (instance, user) = (Instance::alone(&TestClock::new()), learner("ada"));
    instance.read(&user, &Generations::default()).await.unwrap();
    let written = instance.table.increase(&user);
    instance.table.lag.store(1, Ordering::SeqCst);
    // The number is confirmed; what the deposed server loads is older, and not given.
    let refused = instance.read(&user, &written.generations).await.unwrap_err();
    assert_eq!(refused.problem.status, 503);
    instance.table.lag.store(0, Ordering::SeqCst);
    assert_eq!(instance.read(&user, &written.generations).await.unwrap().row.number, written.value);
}
