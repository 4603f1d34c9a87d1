//! What a busy process and large answers do to the way to Redis: nothing. Redis itself failing is in `coherence.rs`.

#![expect(clippy::expect_used, reason = "a failed check fails the test")]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kairos_origin::cache::redis::RedisConfig;
use kairos_protocol::generation::Generations;
use kairos_tests::instance::{Instance, PATIENT, Table, learner};
use kairos_tests::redis::RedisServer;

async fn status(instance: &Instance) -> String {
    instance.read(&learner("ada"), &Generations::default()).await.expect("no read fails").status
}

fn is_reached(instance: &Instance) -> bool {
    instance.cache.shared_is_reached() == Some(true)
}

// On one thread: while it is held up, nothing else runs, and nobody looks for an answer.
#[tokio::test]
async fn a_process_that_is_held_up_does_not_blame_redis() {
    let Some(redis) = RedisServer::start().await else { return };
    // Five times the usual: a Redis that answers this late would be a slow one even on a busy machine.
    let operation_timeout = RedisConfig::OPERATION_TIMEOUT * 5;
    let config = RedisConfig { operation_timeout, ..RedisConfig::new(redis.url()) };
    let instance = Instance::sharing(config, Arc::default()).await;
    status(&instance).await;
    for round in 0..5 {
        // So that no answer lies there already when this goes on.
        redis.freeze();
        let hold_up = async {
            // Until the command is on its way.
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            std::thread::sleep(operation_timeout * 2);
            redis.thaw();
        };
        let (status, ()) = tokio::join!(status(&instance), hold_up);
        assert!(is_reached(&instance) && status.contains("hit"), "round {round}: {status}");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_to_move_is_loaded_by_each_instance() {
    let Some(redis) = RedisServer::start().await else { return };
    let table = Arc::<Table>::default();
    table.padding.store(600_000, Ordering::SeqCst);
    let config = RedisConfig { operation_timeout: PATIENT, ..RedisConfig::new(redis.url()) };
    let here = Instance::sharing(config.clone(), Arc::clone(&table)).await;
    let there = Instance::sharing(config, Arc::clone(&table)).await;
    for instance in [&here, &there, &here, &there] {
        assert!(!status(instance).await.contains("redis"));
    }
    assert_eq!(table.loads.load(Ordering::SeqCst), 2);
    assert!(is_reached(&here) && is_reached(&there));
}
