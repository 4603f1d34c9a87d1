//! Writes that the store does not respond to: they may happen later, and nobody then says so. Everybody sees them within the bound, and
//! who has seen one at once.

use std::sync::Arc;
use std::time::Duration;

use kairos_origin::cache::UNHEARD_USE;
use kairos_origin::cache::redis::RedisConfig;
use kairos_protocol::sync::generation::Generations;
use kairos_tests::instance::{Instance, PATIENT, Table, TestClock, learner};
use kairos_tests::redis::RedisServer;

/// What a busy machine may take longer than is promised.
const BUSY: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_write_that_happens_late_is_seen_within_two_seconds() {
    let (instance, user) = (Instance::alone(&TestClock::new()), learner("ada"));
    let read = async || instance.read(&user, &Generations::default()).await.unwrap();
    read().await;
    instance.write_unanswered(&user).await;
    assert!(read().await.status.contains("hit"), "it has not happened");
    // It happens after all, and nobody says so.
    let late = instance.table.increase(&user);
    let seen = async { while read().await.row.number != late.value {} };
    tokio::time::timeout(UNHEARD_USE + BUSY, seen).await.unwrap();
    // Who has seen it does not wait.
    let later = instance.table.increase(&user);
    assert_eq!(instance.read(&user, &later.generations).await.unwrap().row.number, later.value);
}

#[tokio::test]
async fn a_write_that_happens_late_is_seen_beside_redis_when_the_number_has_run_out() {
    let Some(redis) = RedisServer::start().await else { return };
    let number_lifetime = Duration::from_millis(500);
    let config = RedisConfig { operation_timeout: PATIENT, number_lifetime, ..RedisConfig::new(redis.url()) };
    let table = Arc::<Table>::default();
    let here = Instance::sharing(config.clone(), Arc::clone(&table)).await;
    let there = Instance::sharing(config, Arc::clone(&table)).await;
    let user = learner("ada");
    there.read(&user, &Generations::default()).await.unwrap();
    here.write_unanswered(&user).await;
    let late = table.increase(&user);
    let seen = async {
        for instance in [&here, &there] {
            while instance.read(&user, &Generations::default()).await.unwrap().row.number != late.value {}
        }
    };
    tokio::time::timeout(number_lifetime * 2 + BUSY, seen).await.unwrap();
}
