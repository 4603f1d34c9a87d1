//! What becomes of a caller's claim to have seen a generation that is not known here (`cache::Claim`), in process and in Redis.

use std::sync::Arc;

use kairos_origin::machine::Machine;
use kairos_protocol::generation::{Generation, Generations, Namespace};
use kairos_tests::instance::{Instance, TestClock, learner};
use kairos_tests::redis::RedisServer;

#[tokio::test]
async fn a_generation_seen_elsewhere_is_adopted_unless_it_is_absurd() {
    let clock = TestClock::new();
    let (instance, user) = (Instance::alone(&clock), learner("ada"));
    let namespace = Namespace::User(user.clone());
    let read = async || instance.read(&user, &Generations::default()).await.unwrap();
    // In order: (pause before, how far the claim is ahead of the clock, how the answer comes, whether under the claimed number)
    let cases = [
        (5_000, 0, "fwd=stale; stored", true),
        (999, 0, "fwd=stale; detail=behind", true),
        (1, 0, "fwd=stale; stored", true),
        (5_000, 1, "fwd=stale; detail=behind", true),
        (5_000, 60_000, "fwd=stale; detail=behind", true),
        (5_000, 60_001, "fwd=stale; detail=behind", false),
        (1, i64::MAX / 2, "fwd=stale; detail=behind", false),
    ];
    for (pause_ms, ahead_ms, status, granted) in cases {
        read().await;
        clock.advance_ms(pause_ms);
        let claimed = Generation::at(clock.machine().now().saturating_add(ahead_ms));
        let claimed: Generations = [(namespace.clone(), claimed)].into_iter().collect();
        let told = instance.read(&user, &claimed).await.unwrap();
        let case = format!("{pause_ms} ms later, {ahead_ms} ms ahead: {}", told.generations);
        assert_eq!(told.status, format!("kairos-origin; {status}"), "{case}");
        assert_eq!(told.generations.satisfies(&claimed), granted, "{case}");
        assert!(read().await.status.contains("hit"), "others still have what they had: {case}");
    }
}

#[tokio::test]
async fn claims_are_judged_in_redis_as_in_process() {
    let Some(redis) = RedisServer::start().await else { return };
    let instance = Instance::sharing(redis.url(), Arc::default()).await;
    let user = learner("ada");
    let known = instance.read(&user, &Generations::default()).await.unwrap().generations;
    let namespace = Namespace::User(user.clone());
    let known = known.get(&namespace).unwrap();
    let ahead = |ms: i64| Generation::at(Machine::system().now() + ms);
    for (claimed, status, granted) in [
        // Redis has been asked since, so its clock is beyond that.
        (Generation::new(known.get() + 1), "fwd=stale; stored", true),
        (Generation::new(known.get() + 2), "fwd=stale; detail=behind", true),
        (ahead(30_000), "fwd=stale; detail=behind", true),
        (ahead(120_000), "fwd=stale; detail=behind", false),
    ] {
        let claimed: Generations = [(namespace.clone(), claimed)].into_iter().collect();
        let read = instance.read(&user, &claimed).await.unwrap();
        assert_eq!(read.status, format!("kairos-origin; {status}"), "{claimed}");
        assert_eq!(read.generations.satisfies(&claimed), granted, "{claimed}: {}", read.generations);
        assert!(
            instance.read(&user, &Generations::default()).await.unwrap().status.contains("hit"),
            "others still have what they had"
        );
    }
}
