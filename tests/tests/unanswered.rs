//! Writes that the store does not answer: they may happen later, and nobody then says so. Until they cannot any more, no cache keeps
//! what they may change.

use std::sync::Arc;

use kairos_origin::cache::FENCE_MS;
use kairos_protocol::generation::Generations;
use kairos_tests::instance::{FENCED, Instance, Table, TestClock, learner};
use kairos_tests::redis::RedisServer;

#[tokio::test]
async fn a_write_without_an_answer_keeps_its_namespace_fenced_until_it_cannot_happen_any_more() {
    let clock = TestClock::new();
    let (instance, user) = (Instance::alone(&clock), learner("ada"));
    let read = async || instance.read(&user, &Generations::default()).await.unwrap();
    let before = read().await;
    instance.write_unanswered(&user).await;
    let meanwhile = read().await;
    assert_eq!((meanwhile.row.number, meanwhile.status.as_str()), (before.row.number, FENCED));
    // It happens after all, and nobody says so.
    let number = instance.table.increase(&user);
    assert_eq!(read().await.row.number, number);

    clock.advance_ms(FENCE_MS - 1);
    assert_eq!(read().await.status, FENCED);
    clock.advance_ms(1);
    let after = read().await;
    assert_eq!((after.row.number, after.status.as_str()), (number, "kairos-origin; fwd=stale; stored"));
    assert!(read().await.status.contains("hit"));
}

#[tokio::test]
async fn a_write_without_an_answer_fences_every_instance() {
    let Some(redis) = RedisServer::start().await else { return };
    let table = Arc::<Table>::default();
    let here = Instance::sharing(redis.url(), Arc::clone(&table)).await;
    let there = Instance::sharing(redis.url(), Arc::clone(&table)).await;
    let user = learner("ada");
    there.read(&user, &Generations::default()).await.unwrap();
    here.write_unanswered(&user).await;
    for instance in [&here, &there] {
        let meanwhile = instance.read(&user, &Generations::default()).await.unwrap();
        assert_eq!((meanwhile.row.number, meanwhile.status.as_str()), (0, FENCED));
    }
    let number = table.increase(&user);
    for instance in [&here, &there] {
        assert_eq!(instance.read(&user, &Generations::default()).await.unwrap().row.number, number);
    }
}
