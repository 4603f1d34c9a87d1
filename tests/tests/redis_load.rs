//! What a busy process and large responses do to the connection to Redis: nothing. Redis itself failing is in `coherence.rs`.

#![expect(clippy::expect_used, reason = "a failed check fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use kairos_origin::cache::redis::RedisConfig;
use kairos_protocol::sync::generation::Generations;
use kairos_tests::instance::{Instance, PATIENT, Table, learner};
use kairos_tests::redis::RedisServer;

/// Tasks that are always ready to run.
const CROWD: u32 = 200;

async fn status(instance: &Instance) -> String {
    instance.read(&learner("ada"), &Generations::default()).await.expect("no read fails").status
}

fn is_reached(instance: &Instance) -> bool {
    instance.cache.shared_is_reached() == Some(true)
}

// On one thread, so that each task waits for all others.
#[tokio::test]
async fn requests_that_wait_for_their_turn_do_not_blame_redis() {
    let Some(redis) = RedisServer::start().await else { return };
    // Five times the usual: a Redis that replies this late would be a slow one even on a busy machine.
    let operation_timeout = RedisConfig::OPERATION_TIMEOUT * 5;
    let config = RedisConfig { operation_timeout, ..RedisConfig::new(redis.url()) };
    let instance = Arc::new(Instance::sharing(config, Arc::default()).await);
    status(&instance).await;
    let (is_over, turns) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    // Each turn of them all takes twice as long as Redis may for a reply.
    let turn = operation_timeout * 2 / CROWD;
    let crowd: Vec<_> = (0..CROWD)
        .map(|_| {
            let (is_over, turns) = (Arc::clone(&is_over), Arc::clone(&turns));
            tokio::spawn(async move {
                while !is_over.load(Ordering::SeqCst) {
                    std::thread::sleep(turn);
                    turns.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for round in 0..5 {
        let (reader, before) = (Arc::clone(&instance), turns.load(Ordering::SeqCst));
        let status = tokio::spawn(async move { status(&reader).await }).await.expect("no read fails");
        assert!(is_reached(&instance) && status.contains("hit"), "round {round}: {status}");
        // To gather a batch, to send the next one, to go on with the reply; what Redis takes waits for nobody.
        let waited = (turns.load(Ordering::SeqCst) - before) / CROWD;
        assert!(waited <= 4, "round {round}: {waited} turns of all others");
    }
    is_over.store(true, Ordering::SeqCst);
    for one in crowd {
        one.await.expect("it ends");
    }
}

#[tokio::test]
async fn a_response_that_is_too_large_to_move_is_loaded_by_each_instance() {
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
