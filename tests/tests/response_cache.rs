//! What one instance's responses promise, whatever its cache: hits, encodings, validation, expiry, request collapsing, and what is
//! never stored. Loads and writes are held at chosen points, so this runs below HTTP; coherence among instances is in `coherence.rs`.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a failed check fails the test")]

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::response::Response;
use kairos_origin::error::AppError;
use kairos_origin::response_cache::{CacheRequest, Lookup};
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::policy::{Policy, Sharing};
use kairos_protocol::sync::generation::{Generations, Namespace};
use kairos_tests::instance::{Instance, Read, TestClock, learner, parse};
use tokio::sync::Notify;

/// An instance alone, its clock, and a learner.
struct World {
    instance: Instance,
    clock: Arc<TestClock>,
    ada: UserId,
}

fn world() -> World {
    let clock = TestClock::new();
    World { instance: Instance::alone(&clock), clock, ada: learner("ada") }
}

impl World {
    async fn read(&self) -> Read {
        self.instance.read(&self.ada, &Generations::default()).await.expect("a row")
    }

    fn loads(&self) -> u64 {
        self.instance.table.loads.load(Ordering::SeqCst)
    }

    fn lookup(&self, change: impl FnOnce(&mut CacheRequest)) -> Lookup {
        let mut lookup = Instance::lookup(&self.ada);
        change(&mut lookup.request);
        lookup
    }

    async fn respond(&self, change: impl FnOnce(&mut CacheRequest)) -> Response {
        self.instance.respond(self.lookup(change), &self.ada).await.expect("a response")
    }

    fn namespace(&self) -> Namespace {
        Namespace::User(self.ada.clone())
    }

    /// A read on a task of its own, which has begun to load when this returns.
    async fn begin_read(&self) -> tokio::task::JoinHandle<Result<Read, AppError>> {
        let (instance, ada, before) = (self.instance.clone(), self.ada.clone(), self.loads());
        let reading = tokio::spawn(async move { instance.read(&ada, &Generations::default()).await });
        until(|| self.loads() > before).await;
        reading
    }
}

/// Lets others run until it holds.
async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it comes to hold");
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn the_second_read_is_a_hit_and_a_write_makes_it_old() {
    let world = world();
    let first = world.read().await;
    assert_eq!(first.status, "kairos-origin; fwd=uri-miss; stored");
    world.clock.advance_ms(10_000);
    let second = world.read().await;
    assert_eq!(second.status, "kairos-origin; hit; ttl=290; detail=memory");
    assert_eq!((second.row, second.generations), (first.row, first.generations.clone()));
    assert_eq!(world.loads(), 1);

    let (number, written) = world.instance.write(&world.ada).await;
    let third = world.read().await;
    assert_eq!((third.row.number, third.status.as_str()), (number, "kairos-origin; fwd=stale; stored"));
    assert_eq!(third.generations, written, "the response carries what the writer was told");
    assert!(!first.generations.satisfies(&written) && third.generations.satisfies(&written));
}

#[tokio::test]
async fn every_coding_holds_the_same_body_under_its_own_tag() {
    let world = world();
    world.instance.table.padding.store(20_000, Ordering::SeqCst);
    let plain = to_bytes(world.respond(|_| ()).await.into_body(), usize::MAX).await.unwrap();
    let mut tags = vec![];
    for (accepted, coding) in [("gzip", "gzip"), ("br", "br"), ("zstd", "zstd"), ("identity", ""), ("compress", "")] {
        let response = world.respond(|c| c.accept_encoding = Some(accepted.into())).await;
        assert_eq!(header(&response, "content-encoding"), coding);
        assert_eq!(header(&response, "content-type"), "application/json");
        let tag = header(&response, "etag");
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let mut decoded = vec![];
        match coding {
            "gzip" => drop(flate2::read::GzDecoder::new(&*body).read_to_end(&mut decoded).unwrap()),
            "br" => brotli::BrotliDecompress(&mut &*body, &mut decoded).unwrap(),
            "zstd" => zstd::stream::copy_decode(&*body, &mut decoded).unwrap(),
            _ => decoded.extend_from_slice(&body),
        }
        assert_eq!(decoded, plain, "{accepted}");
        assert!(coding.is_empty() || body.len() * 5 < plain.len(), "{accepted}: {} of {}", body.len(), plain.len());

        let again =
            world.respond(|c| (c.accept_encoding, c.if_none_match) = (Some(accepted.into()), Some(tag.clone())));
        let again = again.await;
        assert_eq!((again.status(), header(&again, "etag")), (StatusCode::NOT_MODIFIED, tag.clone()));
        assert!(header(&again, "cache-status").contains("hit") && !header(&again, "kairos-gen").is_empty());
        assert!(to_bytes(again.into_body(), usize::MAX).await.unwrap().is_empty());
        tags.push(tag);
    }
    tags.dedup();
    assert_eq!(tags.len(), 4, "gzip, br, zstd and identity: {tags:?}");
    let other = world.respond(|c| c.if_none_match = Some("\"another\"".into())).await;
    assert_eq!(other.status(), StatusCode::OK);
    assert_eq!(world.loads(), 1);
}

#[tokio::test]
async fn short_bodies_are_sent_as_they_are() {
    let world = world();
    let response = world.respond(|c| c.accept_encoding = Some("br, gzip, zstd".into())).await;
    assert_eq!(header(&response, "content-encoding"), "");
}

#[tokio::test]
async fn each_policy_has_its_time() {
    for policy in Policy::ALL {
        let world = world();
        let fresh_secs = i64::from(policy.at_origin().fresh_secs);
        let read = async || {
            let lookup = Lookup { policy: *policy, ..world.lookup(|_| ()) };
            parse(world.instance.respond(lookup, &world.ada).await.unwrap()).await.status
        };
        read().await;
        if fresh_secs == 0 {
            assert_eq!(read().await, "kairos-origin; fwd=bypass", "{policy:?} is not stored");
            continue;
        }
        world.clock.advance_ms(fresh_secs * 1_000 - 1);
        assert_eq!(read().await, "kairos-origin; hit; ttl=1; detail=memory", "{policy:?}");
        // Stale, it is served for a while yet, and loaded anew behind: that is in `refresh.rs`.
        let stale_ms = i64::from(policy.at_origin().stale_while_revalidate_secs) * 1_000;
        world.clock.advance_ms(stale_ms + 1);
        assert_eq!(read().await, "kairos-origin; fwd=stale; stored", "{policy:?} after {fresh_secs} s and that while");
        assert_eq!(world.loads(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_that_miss_at_once_one_loads() {
    for _ in 0..20 {
        let world = world();
        let reads = (0..100).map(|_| {
            let (instance, ada) = (world.instance.clone(), world.ada.clone());
            tokio::spawn(async move { instance.read(&ada, &Generations::default()).await.unwrap() })
        });
        let reads: Vec<_> = reads.collect();
        for read in reads {
            read.await.unwrap();
        }
        assert_eq!(world.loads(), 1);
    }
}

#[tokio::test]
async fn those_who_wait_share_the_outcome_good_or_bad() {
    let world = world();
    for failure in [None, Some(ProblemType::NotFound), Some(ProblemType::Unavailable)] {
        *world.instance.table.failure.lock().unwrap() = failure;
        world.instance.write(&world.ada).await;
        // So that nothing old is there to be used instead.
        world.clock.advance_ms(10_000_000);
        let gate = world.instance.table.close_gate();
        let leader = world.begin_read().await;
        let (instance, ada) = (world.instance.clone(), world.ada.clone());
        let follower = tokio::spawn(async move { instance.read(&ada, &Generations::default()).await });
        tokio::task::yield_now().await;
        gate.add_permits(1);
        let (leader, follower) = (leader.await.unwrap(), follower.await.unwrap());
        match failure {
            None => assert!(follower.unwrap().status.contains("; collapsed")),
            Some(problem) => {
                let statuses = [leader, follower].map(|outcome| outcome.unwrap_err().problem.status);
                assert_eq!(statuses, [problem.status(); 2]);
            }
        }
        *world.instance.table.gate.lock().unwrap() = None;
        *world.instance.table.failure.lock().unwrap() = None;
        let after = world.read().await;
        assert_eq!(after.status.contains("hit"), failure.is_none(), "errors are not stored: {}", after.status);
    }
}

#[tokio::test]
async fn a_load_that_panics_frees_its_key() {
    let world = world();
    let panicking = || async { panic!("as the test wants it") };
    let outcome = world.instance.responses.get_or_load::<(), _>(world.lookup(|_| ()), panicking).await;
    assert_eq!(outcome.unwrap_err().problem.status, 500);
    assert_eq!(world.read().await.status, "kairos-origin; fwd=uri-miss; stored");
}

#[tokio::test]
async fn a_caller_that_hangs_up_wastes_nothing() {
    let world = world();
    let gate = world.instance.table.close_gate();
    let leader = world.begin_read().await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    let (instance, ada) = (world.instance.clone(), world.ada.clone());
    let follower = tokio::spawn(async move { instance.read(&ada, &Generations::default()).await });
    tokio::task::yield_now().await;
    gate.add_permits(1);
    assert!(follower.await.unwrap().unwrap().status.contains("; collapsed"));
    assert!(world.read().await.status.contains("hit"));
    assert_eq!(world.loads(), 1);
}

#[tokio::test]
async fn with_the_store_down_a_stale_response_is_served_and_marked() {
    let world = world();
    let seen = world.read().await.generations;
    let (_, written) = world.instance.write(&world.ada).await;
    let fail_with = |problem| *world.instance.table.failure.lock().unwrap() = problem;
    let status = async |seen: &Generations| {
        let outcome = world.instance.read(&world.ada, seen).await;
        outcome.map(|read| (read.degraded, read.status)).map_err(|error| error.problem.status)
    };
    let stale = Ok((Some("stale".to_owned()), "kairos-origin; hit; ttl=0; detail=memory".to_owned()));
    fail_with(Some(ProblemType::Unavailable));
    assert_eq!(status(&Generations::default()).await, stale, "nobody knows whether the caller has seen more");
    assert_eq!(status(&seen).await, stale, "the caller has seen just this");
    assert_eq!(status(&written).await, Err(503), "the caller has seen more (I-SESSION)");
    fail_with(Some(ProblemType::NotFound));
    assert_eq!(status(&seen).await, Err(404), "the store is not down");
    fail_with(Some(ProblemType::Unavailable));
    let lifetime = Policy::Statistics.at_origin();
    world.clock.advance_ms(i64::from(lifetime.fresh_secs + lifetime.stale_if_error_secs) * 1_000);
    assert_eq!(status(&seen).await, Err(503), "everything has an end");
    fail_with(None);
    assert_eq!(world.read().await.degraded, None);
}

#[tokio::test]
async fn a_write_that_hangs_costs_readers_nothing() {
    let world = world();
    world.read().await;
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (table, ada) = (Arc::clone(&world.instance.table), world.ada.clone());
    let work = {
        let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        async move {
            begun.notify_one();
            go_on.notified().await;
            Ok(table.increase(&ada))
        }
    };
    let (writes, namespace) = (world.instance.writes.clone(), world.namespace());
    let writing = tokio::spawn(async move { writes.commit(vec![namespace], work).await });
    begun.notified().await;
    for _ in 0..3 {
        let during = world.read().await;
        assert!(during.status.contains("hit") && during.row.number == 0, "{}", during.status);
    }
    assert_eq!(world.loads(), 1);
    go_on.notify_one();
    assert_eq!(writing.await.unwrap().unwrap().value, 1);
    assert_eq!(world.read().await.status, "kairos-origin; fwd=stale; stored");
    assert!(world.read().await.status.contains("hit"));
}

#[tokio::test]
async fn a_response_that_is_stored_late_is_not_used() {
    let world = world();
    let gate = world.instance.table.close_gate();
    let slow = world.begin_read().await;
    let (number, _) = world.instance.write(&world.ada).await;
    gate.add_permits(1);
    assert_eq!(slow.await.unwrap().unwrap().row.number, 0, "it began before the write");
    gate.add_permits(1);
    let after = world.read().await;
    assert_eq!((after.row.number, world.loads()), (number, 2));
    assert!(world.read().await.status.contains("hit"));
}

#[tokio::test]
async fn a_write_runs_to_its_end_and_frees_its_namespace() {
    let world = world();
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (table, ada) = (Arc::clone(&world.instance.table), world.ada.clone());
    let work = {
        let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        async move {
            begun.notify_one();
            go_on.notified().await;
            Ok(table.increase(&ada))
        }
    };
    let (writes, namespace) = (world.instance.writes.clone(), world.namespace());
    let writing = tokio::spawn(async move { writes.commit(vec![namespace], work).await });
    begun.notified().await;
    writing.abort();
    assert!(writing.await.unwrap_err().is_cancelled());
    go_on.notify_one();
    until(|| world.instance.table.number(&world.ada) == 1).await;

    let announced = async { while world.read().await.row.number != 1 {} };
    tokio::time::timeout(Duration::from_secs(10), announced).await.expect("it is announced");

    // What a write did that panicked is not known: the store is asked.
    let asked = || world.instance.table.queries.load(Ordering::SeqCst);
    let before = asked();
    assert!(world.read().await.status.contains("hit") && asked() == before);
    let panicking = async { panic!("as the test wants it") };
    let outcome = world.instance.writes.commit::<(), _>(vec![world.namespace()], panicking).await;
    assert_eq!(outcome.unwrap_err().problem.status, 500);
    assert!(world.read().await.status.contains("hit") && asked() == before + 1);
}

#[tokio::test]
async fn what_a_deposed_server_gives_is_neither_given_on_nor_stored() {
    let world = world();
    let (number, written) = world.instance.write(&world.ada).await;
    assert_eq!(world.read().await.row.number, number);
    let (_, newer) = world.instance.write(&world.ada).await;
    world.instance.table.lag.store(1, Ordering::SeqCst);
    // Whoever has seen the newer state is told nothing older; who has not is given the stale response, marked.
    let refused = world.instance.read(&world.ada, &newer).await;
    assert_eq!(refused.unwrap_err().problem.status, 503);
    let stale = world.instance.read(&world.ada, &written).await.unwrap();
    assert_eq!((stale.row.number, stale.degraded.as_deref()), (number, Some("stale")));
    world.instance.table.lag.store(0, Ordering::SeqCst);
    let after = world.instance.read(&world.ada, &newer).await.unwrap();
    assert_eq!((after.row.number, after.status.as_str()), (number + 1, "kairos-origin; fwd=stale; stored"));
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_responses_old_and_not_immortal() {
    let world = world();
    let first = world.read().await;
    world.clock.advance_ms(-3_600_000);
    let again = world.read().await;
    assert_eq!((again.status.as_str(), again.row), ("kairos-origin; fwd=stale; stored", first.row));
    assert_eq!(world.read().await.status, "kairos-origin; hit; ttl=300; detail=memory", "it was replaced");
    world.clock.advance_ms(360_000);
    assert_eq!(world.read().await.status, "kairos-origin; fwd=stale; stored");
}

#[tokio::test]
async fn a_response_for_a_subject_is_nobody_elses() {
    let world = world();
    world.read().await;
    let bob = learner("bob");
    let read = world.instance.read(&bob, &Generations::default()).await.unwrap();
    assert_eq!((read.row.whose.as_str(), world.loads()), ("bob", 2));
    for policy in Policy::ALL.iter().filter(|policy| policy.sharing() == Sharing::Subject) {
        let lookup = Lookup { policy: *policy, subject: None, ..world.lookup(|_| ()) };
        let response = world.instance.respond(lookup, &bob).await.unwrap();
        assert_eq!(response.extensions().get::<Policy>(), Some(&Policy::NoStore), "{policy:?} without a subject");
        assert_eq!(
            (header(&response, "etag"), header(&response, "cache-status").as_str()),
            (String::new(), "kairos-origin; fwd=bypass")
        );
    }
}

#[tokio::test]
async fn the_request_can_demand_a_new_response() {
    let world = world();
    for (directives, status) in [
        ("no-store", "fwd=request"),
        ("", "fwd=uri-miss; stored"),
        ("no-store", "hit; ttl=300; detail=memory"),
        ("no-cache", "fwd=request; stored"),
        ("max-age=0", "fwd=stale; stored"),
        ("max-age=60", "hit; ttl=300; detail=memory"),
    ] {
        let response = world.respond(|c| c.cache_control = CacheControl::parse(directives)).await;
        assert_eq!(header(&response, "cache-status"), format!("kairos-origin; {status}"), "{directives}");
    }
}
