//! What is given when a read would have to wait, and what goes on behind it: a soft time-out while the store is slow, stale while it
//! is loaded anew, early refresh, a lease across instances; and that whoever wants a young response gets no other. Instances share a
//! table, and a Redis where they are several; their clock is the test's.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{join, join_all};
use kairos_origin::cache::Cache;
use kairos_origin::cache::redis::{Redis, RedisConfig};
use kairos_origin::environment::{Entropy, Environment};
use kairos_origin::response_cache::{CacheRequest, Lookup};
use kairos_origin::telemetry;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::policy::Policy;
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};
use kairos_tests::instance::{Instance, PATIENT, Read, Table, TestClock, learner, parse};
use kairos_tests::redis::RedisServer;
use redis::Value;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

/// An instance of those that share `table` and Redis.
async fn member(redis: &RedisServer, table: &Arc<Table>, environment: Environment) -> Instance {
    let config = RedisConfig { operation_timeout: PATIENT, ..RedisConfig::new(redis.url()) };
    let redis = Redis::connect(config, environment.clone()).await.unwrap();
    Instance::new(Arc::clone(table), Cache::shared(Arc::<Table>::clone(table), redis), environment)
}

/// The learner's row, for a caller who says this about caching.
async fn read(instance: &Instance, user: &UserId, cache_control: &str) -> Read {
    let mut lookup: Lookup = Instance::lookup(user);
    lookup.request.cache_control = CacheControl::parse(cache_control);
    parse(instance.respond(lookup, user).await.unwrap()).await
}

#[tokio::test]
async fn who_wants_a_young_response_does_not_share_an_older_one_from_redis() {
    let Some(server) = RedisServer::start().await else { return };
    let (clock, table, ada) = (TestClock::new(), Arc::<Table>::default(), learner("ada"));
    let [here, there] =
        [member(&server, &table, clock.environment()).await, member(&server, &table, clock.environment()).await];
    read(&there, &ada, "").await;
    until_shared(&there, &ada).await;
    clock.advance_ms(20_000);
    // Both miss memory at the same moment, by the same look-up.
    let (any, young) = join(read(&here, &ada, ""), read(&here, &ada, "max-age=10")).await;
    assert_eq!(any.status, "kairos-origin; hit; ttl=280; detail=redis");
    assert_eq!(young.status, "kairos-origin; fwd=uri-miss; stored", "20 s old is too old");
    assert_eq!(table.loads.load(Ordering::SeqCst), 2);
}

/// Lets others run until it holds.
async fn until(holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            yield_now().await;
        }
    };
    timeout(PATIENT, waiting).await.unwrap();
}

/// What `instance` has stored is in Redis, from where another gets it.
async fn until_shared(instance: &Instance, user: &UserId) {
    let lookup = Instance::lookup(user);
    let key = format!("{} {user} {}", lookup.policy.name(), lookup.key);
    until(async || instance.cache.load(&key).await.is_some()).await;
}

fn loads(table: &Table) -> u64 {
    table.loads.load(Ordering::SeqCst)
}

/// Without a look-up only the time since a load began says how old what it brings may be.
#[tokio::test]
async fn a_load_that_hangs_is_not_joined_for_long() {
    let (instance, ada) = (Instance::alone(&TestClock::new()), learner("ada"));
    let gate = instance.table.close_gate();
    let begin = || {
        let (instance, ada) = (instance.clone(), ada.clone());
        tokio::spawn(async move { read(&instance, &ada, "").await })
    };
    let first = begin();
    until(async || loads(&instance.table) == 1).await;
    // Nothing happens that could be awaited: it is time that passes.
    sleep(Duration::from_millis(1_100)).await;
    let later = begin();
    until(async || loads(&instance.table) == 2).await;
    gate.add_permits(2);
    assert_eq!(
        (first.await.unwrap().row, later.await.unwrap().status.as_str()),
        (read(&instance, &ada, "").await.row, "kairos-origin; fwd=uri-miss; stored")
    );
}

/// Longer than the soft time-out, and short enough for anybody.
const SOON: Duration = Duration::from_secs(1);

/// What a read gets, which must come soon though the store does not answer.
async fn soon(reading: impl Future<Output = Read>) -> Read {
    let (began, read) = (Instant::now(), timeout(PATIENT, reading).await.unwrap());
    assert!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
    read
}

#[tokio::test]
async fn while_the_store_is_slow_a_stored_response_is_given_and_the_load_goes_on() {
    let (instance, ada) = (Instance::alone(&TestClock::new()), learner("ada"));
    let seen = read(&instance, &ada, "").await.generations;
    let (number, written) = instance.write(&ada).await;
    let gate = instance.table.close_gate();

    let slow = soon(read(&instance, &ada, "")).await;
    assert_eq!((slow.row.number, slow.degraded.as_deref()), (number - 1, Some("stale")));
    assert_eq!(slow.status, "kairos-origin; hit; ttl=0; detail=memory");
    // It joins the load that goes on. Whoever has seen the newer state, or wants a new or young one, waits for that.
    let known = soon(async { instance.read(&ada, &seen).await.unwrap() }).await;
    assert_eq!((known.row.number, known.degraded.as_deref()), (number - 1, Some("stale")));
    let waiting = async || {
        let newer = async { instance.read(&ada, &written).await.unwrap() };
        join_all([newer.boxed(), read(&instance, &ada, "no-cache").boxed(), read(&instance, &ada, "max-age=9").boxed()])
            .await
    };
    let mut waiting = Box::pin(waiting());
    assert!(timeout(Duration::from_millis(600), &mut waiting).await.is_err(), "nobody is given what they cannot use");
    gate.add_permits(10);
    for read in waiting.await {
        assert_eq!((read.row.number, read.degraded), (number, None), "{}", read.status);
    }
    let after = read(&instance, &ada, "").await;
    assert_eq!((after.row.number, after.status.as_str()), (number, "kairos-origin; hit; ttl=300; detail=memory"));
    assert_eq!(loads(&instance.table), 4, "the first, the one that went on, and one each for those who wanted another");
}

#[tokio::test]
async fn a_slow_look_up_of_the_generations_is_not_waited_for_either() {
    let (instance, ada) = (Instance::alone(&TestClock::new()), learner("ada"));
    read(&instance, &ada, "").await;
    let written = instance.table.increase(&ada);
    let gate = instance.table.close_query_gate();
    instance.cache.invalidate(&[Namespace::User(ada.clone())]).await;
    for _ in 0..3 {
        let slow = soon(read(&instance, &ada, "")).await;
        assert_eq!((slow.row.number, slow.degraded.as_deref()), (written.value - 1, Some("stale")));
    }
    assert_eq!(loads(&instance.table), 1, "nobody knows yet what to load");
    gate.add_permits(100);
    until(async || loads(&instance.table) == 2).await;
    until(async || read(&instance, &ada, "").await.status == "kairos-origin; hit; ttl=300; detail=memory").await;
    assert_eq!(read(&instance, &ada, "").await.row.number, written.value);
    assert_eq!(loads(&instance.table), 2, "what went on behind was one load for all three");
}

#[tokio::test]
async fn what_only_redis_has_is_given_while_the_store_is_slow() {
    let Some(server) = RedisServer::start().await else { return };
    let (clock, table, ada) = (TestClock::new(), Arc::<Table>::default(), learner("ada"));
    let [here, there] =
        [member(&server, &table, clock.environment()).await, member(&server, &table, clock.environment()).await];
    read(&there, &ada, "").await;
    until_shared(&there, &ada).await;
    let (number, written) = there.write(&ada).await;
    let gate = table.close_gate();
    let slow = soon(read(&here, &ada, "")).await;
    assert_eq!((slow.row.number, slow.degraded.as_deref()), (number - 1, Some("stale")));
    assert_eq!(slow.status, "kairos-origin; hit; ttl=0; detail=redis");
    gate.add_permits(10);
    assert_eq!(here.read(&ada, &written).await.unwrap().row.number, number);
}

#[tokio::test]
async fn stale_but_current_is_served_while_one_loads_it_anew() {
    let metrics = telemetry::record_metrics().unwrap();
    let (clock, ada) = (TestClock::new(), learner("ada"));
    let instance = Instance::alone(&clock);
    read(&instance, &ada, "").await;
    clock.advance_ms(302_000);
    let gate = instance.table.close_gate();
    for read in join_all((0..50).map(|_| read(&instance, &ada, ""))).await {
        assert_eq!((read.status.as_str(), read.degraded), ("kairos-origin; hit; ttl=-2; detail=memory", None));
    }
    until(async || loads(&instance.table) == 2).await;
    let begun = "kairos_cache_refreshes_total{policy=\"statistics\",why=\"stale\"} 1";
    assert!(metrics.render().lines().any(|line| line == begun), "{}", metrics.render());
    // These want no stale one, and wait for the same load or their own.
    let picky = join_all(["no-cache", "max-age=600"].map(|wish| read(&instance, &ada, wish)));
    let mut picky = Box::pin(picky);
    assert!(timeout(Duration::from_millis(600), &mut picky).await.is_err());
    gate.add_permits(10);
    for read in picky.await {
        assert!(read.status.contains("fwd="), "{}", read.status);
    }
    until(async || read(&instance, &ada, "").await.status == "kairos-origin; hit; ttl=300; detail=memory").await;
    assert_eq!(loads(&instance.table), 4);

    // Not once it is written to, and not after its window.
    clock.advance_ms(302_000);
    let (number, _) = instance.write(&ada).await;
    assert_eq!(read(&instance, &ada, "").await.row.number, number);
    clock.advance_ms(360_000);
    assert_eq!(read(&instance, &ada, "").await.status, "kairos-origin; fwd=stale; stored");
}

/// Gives the same byte, over and over.
struct Scripted(AtomicU8);

impl Scripted {
    /// The smallest that can be drawn: what is far from its end is loaded anew.
    const SMALLEST: u8 = 0;
    /// The largest: nothing is.
    const LARGEST: u8 = u8::MAX;
}

impl Entropy for Scripted {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.load(Ordering::SeqCst));
    }
}

#[tokio::test]
async fn a_response_near_its_end_is_loaded_anew_by_chance_and_by_one_instance() {
    let Some(server) = RedisServer::start().await else { return };
    let (clock, table, ada) = (TestClock::new(), Arc::<Table>::default(), learner("ada"));
    // The system's for Redis, whose marks must differ.
    let of = async |entropy: &Arc<Scripted>| {
        let cache = member(&server, &table, clock.environment()).await.cache;
        let environment = Environment { entropy: Arc::<Scripted>::clone(entropy), ..clock.environment() };
        Instance::new(Arc::clone(&table), cache, environment)
    };
    let drawn = [(); 2].map(|()| Arc::new(Scripted(AtomicU8::new(Scripted::LARGEST))));
    let [here, there] = [of(&drawn[0]).await, of(&drawn[1]).await];
    // It takes 100 ms to load: from 1.6 s before its end on, chance decides.
    let gate = table.close_gate();
    let (_, ()) = join(read(&here, &ada, ""), async {
        sleep(Duration::from_millis(100)).await;
        gate.add_permits(100);
    })
    .await;
    until_shared(&here, &ada).await;
    assert_eq!(read(&there, &ada, "").await.status, "kairos-origin; hit; ttl=300; detail=redis");
    clock.advance_ms(299_000);
    for _ in 0..20 {
        assert_eq!(read(&here, &ada, "").await.status, "kairos-origin; hit; ttl=1; detail=memory");
    }
    assert_eq!(loads(&table), 1, "it was drawn that nothing is due");
    drawn[0].0.store(Scripted::SMALLEST, Ordering::SeqCst);
    assert_eq!(read(&here, &ada, "").await.status, "kairos-origin; hit; ttl=1; detail=memory", "nobody waits");
    until(async || read(&here, &ada, "").await.status == "kairos-origin; hit; ttl=300; detail=memory").await;
    assert_eq!(loads(&table), 2);
    // The other finds in Redis what the first has loaded. (It may look before that is there: then it tries again.)
    let is_new = async || {
        let key = format!("statistics {ada} /v1/me/progress/stats");
        let stored = here.cache.load(&key).await.unwrap();
        // Form, then the time in milliseconds.
        stored[1..9] == (1_790_000_299_000_i64).to_be_bytes()
    };
    until(is_new).await;
    drawn[1].0.store(Scripted::SMALLEST, Ordering::SeqCst);
    assert_eq!(read(&there, &ada, "").await.status, "kairos-origin; hit; ttl=1; detail=memory");
    until(async || read(&there, &ada, "").await.status == "kairos-origin; hit; ttl=300; detail=memory").await;
    assert_eq!(loads(&table), 2, "it was not loaded a second time");
}

/// What everyone shares, from the table.
async fn read_shared(instance: &Instance) -> Read {
    let lookup = Lookup {
        policy: Policy::CatalogList,
        subject: None,
        key: "/v1/modules".to_owned(),
        request: CacheRequest::default(),
        nothing_shared: None,
    };
    parse(instance.respond(lookup, &learner("nobody")).await.unwrap()).await
}

async fn four(server: &RedisServer, table: &Arc<Table>) -> [Instance; 4] {
    let member = async || member(server, table, TestClock::new().environment()).await;
    [member().await, member().await, member().await, member().await]
}

#[tokio::test]
async fn of_instances_that_miss_the_same_at_once_one_loads() {
    let Some(server) = RedisServer::start().await else { return };
    let table = Arc::<Table>::default();
    let instances = four(&server, &table).await;
    let gate = table.close_gate();
    let reads = join_all(instances.iter().map(read_shared));
    let (reads, ()) = join(reads, async {
        until(async || loads(&table) > 0).await;
        // Time for the others to load too, if they would.
        sleep(Duration::from_millis(100)).await;
        gate.add_permits(100);
    })
    .await;
    assert_eq!(loads(&table), 1);
    let loaded = reads.iter().filter(|read| read.status == "kairos-origin; fwd=uri-miss; stored").count();
    let shared = reads.iter().filter(|read| read.status == "kairos-origin; hit; ttl=600; detail=redis").count();
    assert_eq!((loaded, shared), (1, 3), "{reads:?}");
    // The lease is given back, long before it would end by itself.
    let given_back = until(async || server.run(&["EXISTS", LEASE]).await == Value::Int(0));
    timeout(SOON, given_back).await.unwrap();
}

/// The lease on what everyone shares.
const LEASE: &str = "kairos:lease:{catalog}:catalog-list  /v1/modules catalog=0";

#[tokio::test]
async fn a_lease_that_another_has_by_now_is_left_to_it() {
    let Some(server) = RedisServer::start().await else { return };
    let table = Arc::<Table>::default();
    let instance = member(&server, &table, TestClock::new().environment()).await;
    let gate = table.close_gate();
    let ((), _) = join(
        async {
            until(async || loads(&table) == 1).await;
            assert_eq!(server.run(&["EXISTS", LEASE]).await, Value::Int(1));
            // Its time was over, and another took it.
            server.run(&["SET", LEASE, "another"]).await;
            gate.add_permits(1);
        },
        read_shared(&instance),
    )
    .await;
    until(async || instance.cache.load("catalog-list  /v1/modules").await.is_some()).await;
    // The lease is looked at after the response is stored: by then that is done as well.
    sleep(Duration::from_millis(100)).await;
    assert_eq!(server.run(&["EXISTS", LEASE]).await, Value::Int(1));
}

#[tokio::test]
async fn nobody_waits_for_long_for_who_has_the_lease() {
    let Some(server) = RedisServer::start().await else { return };
    let table = Arc::<Table>::default();
    let instances = four(&server, &table).await;
    let gate = table.close_gate();
    let began = Instant::now();
    let (reads, ()) = join(join_all(instances.iter().map(read_shared)), async {
        // The first does not come to an end: the others load by themselves.
        until(async || loads(&table) == 4).await;
        gate.add_permits(100);
    })
    .await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert!(reads.iter().all(|read| read.status == "kairos-origin; fwd=uri-miss; stored"), "{reads:?}");
}

#[tokio::test]
async fn how_old_responses_are_is_measured() {
    let metrics = telemetry::record_metrics().unwrap();
    let (clock, table, ada) = (TestClock::new(), Arc::<Table>::default(), learner("ada"));
    let now = clock.environment().now();
    table.raise_to(&ada, Generation::at(now - 60_000));
    let cache = Cache::local(Arc::<Table>::clone(&table)).with_samples_every(Duration::from_secs(1));
    let instance = Instance::new(Arc::clone(&table), cache, clock.environment());
    let shows = async |line: &str| until(async || metrics.render().lines().any(|shown| shown == line)).await;
    read(&instance, &ada, "").await;
    let asked = table.queries.load(Ordering::SeqCst);
    for _ in 0..2 {
        for _ in 0..50 {
            assert!(read(&instance, &ada, "").await.status.contains("hit"));
        }
        shows("kairos_staleness_samples_total{result=\"current\"} 1").await;
    }
    assert_eq!(table.queries.load(Ordering::SeqCst), asked + 1, "one of a hundred, as they came in one second");
    // Another instance writes, and this one does not hear of it.
    table.raise_to(&ada, Generation::at(now + 500));
    clock.advance_ms(2_000);
    let read = instance.read(&ada, &Generations::default()).await.unwrap();
    assert!(read.status.contains("hit"), "{}", read.status);
    shows("kairos_staleness_samples_total{result=\"older\"} 1").await;
    shows("kairos_staleness_seconds_sum 1.5").await;
    shows("kairos_staleness_seconds_count 2").await;
    shows("kairos_staleness_seconds_bucket{le=\"0\"} 1").await;
}
