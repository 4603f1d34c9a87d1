//! How caches stay true, under load, under faults and in every order of steps: whoever reads after a write was acknowledged
//! sees it, on whatever instance, and whatever Redis does. Two instances share one table and one Redis; the same through whole
//! origins is in `two_origins.rs`.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a failed check fails the test")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kairos_origin::cache::redis::RedisConfig;
use kairos_origin::cache::{Cache, UNHEARD_USE};
use kairos_origin::environment::Environment;
use kairos_origin::response_cache::ResponseCache;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::sync::generation::Generations;
use kairos_tests::instance::{Instance, PATIENT, Table, learner};
use kairos_tests::redis::RedisServer;

/// An instance of those that share `table` and Redis.
struct Member {
    instance: Instance,
}

async fn member(redis: &RedisServer, table: &Arc<Table>, patience: Duration) -> Member {
    let config =
        RedisConfig { operation_timeout: patience, number_lifetime: LIFETIME, ..RedisConfig::new(redis.url()) };
    Member { instance: Instance::sharing(config, Arc::clone(table)).await }
}

/// Short, so that the bound can be tested.
const LIFETIME: Duration = Duration::from_secs(1);

impl Member {
    async fn read(&self, user: &UserId) -> (u64, String) {
        let read = self.instance.read(user, &Generations::default()).await.expect("no read fails");
        (read.row.number, read.status)
    }

    fn is_reached(&self) -> bool {
        self.instance.cache.shared_is_reached() == Some(true)
    }

    async fn until_reached(&self) {
        let waiting = async {
            while !self.is_reached() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the breaker closes again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_instance_shows_older_than_any_has_acknowledged() {
    let Some(redis) = RedisServer::start().await else { return };
    let table = Arc::<Table>::default();
    let members = [member(&redis, &table, PATIENT).await, member(&redis, &table, PATIENT).await].map(Arc::new);
    let users = [learner("ada"), learner("bob"), learner("cleo")];
    let acknowledged = Arc::new([const { AtomicU64::new(0) }; 3]);
    let (reads, hits, writes) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let over = Instant::now() + Duration::from_secs(4);
    let mut tasks = vec![];
    for worker in 0..24_usize {
        let (member, user) = (Arc::clone(&members[worker % 2]), users[worker % 3].clone());
        let (acknowledged, reads) = (Arc::clone(&acknowledged), Arc::clone(&reads));
        let (hits, writes) = (Arc::clone(&hits), Arc::clone(&writes));
        tasks.push(tokio::spawn(async move {
            while Instant::now() < over {
                if worker < 6 {
                    let (number, _) = member.instance.write(&user).await;
                    acknowledged[worker % 3].fetch_max(number, Ordering::SeqCst);
                    writes.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(3 + worker as u64)).await;
                } else {
                    let least = acknowledged[worker % 3].load(Ordering::SeqCst);
                    let (number, status) = member.read(&user).await;
                    assert!(number >= least, "{user}: {number} after {least} was acknowledged: {status}");
                    hits.fetch_add(status.contains("hit").into(), Ordering::SeqCst);
                    reads.fetch_add(1, Ordering::SeqCst);
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let [reads, hits, writes] = [reads, hits, writes].map(|n| n.load(Ordering::SeqCst));
    println!("{reads} reads, {hits} of them hits, and {writes} writes through two instances");
    assert!(reads > 2_000 && writes > 200 && hits > 100, "{reads} reads, {hits} hits, {writes} writes");
}

/// What was acknowledged when, for one learner.
#[derive(Default)]
struct Acknowledged(Mutex<VecDeque<(Instant, u64)>>);

impl Acknowledged {
    fn push(&self, number: u64) {
        self.0.lock().unwrap().push_back((Instant::now(), number));
    }

    /// The largest that was acknowledged before `then`.
    fn before(&self, then: Instant) -> u64 {
        self.0.lock().unwrap().iter().take_while(|(at, _)| *at < then).map(|(_, number)| *number).max().unwrap_or(0)
    }
}

/// Reads and writes through both members until told to stop, and checks at each step what holds even while Redis is away.
async fn use_both(members: [Arc<Member>; 2], user: UserId, stop: Arc<AtomicBool>, reads: Arc<AtomicU64>) {
    let acknowledged = Acknowledged::default();
    // A response may be this much older for who has not seen more; clocks are read at different moments.
    let bound = UNHEARD_USE.max(LIFETIME * 2) + Duration::from_millis(250);
    for round in 0_usize.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let [here, there] =
            if round.is_multiple_of(2) { [&members[0], &members[1]] } else { [&members[1], &members[0]] };
        let (number, seen) = here.instance.write(&user).await;
        acknowledged.push(number);
        // Before and after the breaker opens, whoever wrote reads it back.
        let own = here.read(&user).await;
        assert!(own.0 >= number, "own write {number} read back as {own:?}");
        let elsewhere = there.instance.read(&user, &seen).await.expect("no read fails");
        assert!(elsewhere.row.number >= number, "seen {number}, then {elsewhere:?}");
        assert!(elsewhere.generations.satisfies(&seen), "{elsewhere:?} under {seen}");
        for _ in 0..10 {
            let least = acknowledged.before(Instant::now() - bound);
            let (number, status) = there.read(&user).await;
            assert!(number >= least, "{number} long after {least} was acknowledged: {status}");
            reads.fetch_add(3, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_may_freeze_die_lose_its_data_and_come_back_under_load() {
    let Some(mut redis) = RedisServer::start().await else { return };
    let table = Arc::<Table>::default();
    let patience = RedisConfig::OPERATION_TIMEOUT;
    let members = [member(&redis, &table, patience).await, member(&redis, &table, patience).await].map(Arc::new);
    let (stop, reads) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let tasks: Vec<_> = (0..6)
        .map(|n| use_both(members.clone(), learner(&format!("learner-{n}")), Arc::clone(&stop), Arc::clone(&reads)))
        .map(tokio::spawn)
        .collect();
    let a_while = || tokio::time::sleep(Duration::from_millis(700));
    a_while().await;
    for round in 0..2 {
        redis.freeze();
        a_while().await;
        redis.thaw();
        a_while().await;
        redis.run(&["FLUSHALL"]).await;
        a_while().await;
        redis.run(&["SCRIPT", "FLUSH"]).await;
        a_while().await;
        redis.run(&["SAVE"]).await;
        redis.kill();
        a_while().await;
        redis.restart().await;
        a_while().await;
        println!("round {round}: {} reads", reads.load(Ordering::SeqCst));
    }
    stop.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    assert!(reads.load(Ordering::SeqCst) > 1_000);
    // And all is as before: what one writes, the other sees, and then has from memory. (Should the machine be so busy that the
    // breaker opens once more, then after that.)
    let user = learner("ada");
    let as_before = async |here: &Member, there: &Member| {
        here.until_reached().await;
        there.until_reached().await;
        let (number, _) = here.instance.write(&user).await;
        let (read, (again, status)) = (there.read(&user).await.0, there.read(&user).await);
        read == number && again == number && status.contains("hit")
    };
    for [here, there] in [[&members[0], &members[1]], [&members[1], &members[0]]] {
        let mut attempts = 0..10;
        while !as_before(here, there).await {
            assert!(attempts.next().is_some(), "coherence does not come back");
        }
    }
}

#[tokio::test]
async fn a_failing_redis_costs_one_request_a_moment_and_the_next_nothing() {
    let Some(mut redis) = RedisServer::start().await else { return };
    let table = Arc::<Table>::default();
    let member = member(&redis, &table, RedisConfig::OPERATION_TIMEOUT).await;
    let user = learner("ada");
    let timed = async |what: &str| {
        let started = Instant::now();
        let read = member.read(&user).await;
        let took = started.elapsed();
        println!("{what}: {took:?}, {}", read.1);
        took
    };
    timed("reached, a miss").await;
    timed("reached, a hit").await;
    for fault in ["frozen", "killed"] {
        member.until_reached().await;
        match fault {
            "frozen" => redis.freeze(),
            _ => redis.kill(),
        }
        // Four times what is promised: other tests run beside this one.
        assert!(timed(&format!("{fault}, first request")).await < Duration::from_millis(200));
        let mut next = vec![];
        for _ in 0..50 {
            next.push(timed(&format!("{fault}, breaker open")).await);
        }
        next.sort_unstable();
        assert!(next[25] < Duration::from_millis(5), "the median of the next: {:?}", next[25]);
        let started = Instant::now();
        member.instance.write(&user).await;
        println!("{fault}, a write: {:?}", started.elapsed());
        match fault {
            "frozen" => redis.thaw(),
            _ => redis.restart().await,
        }
        let started = Instant::now();
        member.until_reached().await;
        println!("{fault}, reached again after {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn what_redis_missed_is_seen_at_once_by_who_has_seen_it_and_soon_by_all() {
    let Some(redis) = RedisServer::start().await else { return };
    let table = Arc::<Table>::default();
    let here = member(&redis, &table, RedisConfig::OPERATION_TIMEOUT).await;
    // This one takes no notice of the outage: it does not ask while Redis is frozen.
    let there = member(&redis, &table, PATIENT).await;
    let user = learner("ada");
    assert_eq!(there.read(&user).await.0, 0);
    redis.freeze();
    // A read finds out; the write then sends nothing that Redis could still do late.
    here.read(&learner("bob")).await;
    assert!(!here.is_reached());
    let (number, seen) = here.instance.write(&user).await;
    assert_eq!(here.read(&user).await.0, number);
    redis.thaw();
    here.until_reached().await;
    let read = there.instance.read(&user, &seen).await.unwrap();
    assert_eq!(read.row.number, number, "{}", read.status);
    // That has told Redis; and whatever it had not been told is over with the number's time.
    assert_eq!(there.read(&user).await.0, number);
    redis.freeze();
    here.read(&learner("bob")).await;
    let (number, _) = here.instance.write(&user).await;
    redis.thaw();
    here.until_reached().await;
    let seen = async { while there.read(&user).await.0 != number {} };
    tokio::time::timeout(LIFETIME * 2 + Duration::from_secs(5), seen).await.expect("within the bound");
}

#[tokio::test]
async fn without_redis_another_instances_write_is_seen_within_two_seconds() {
    let table = Arc::<Table>::default();
    let user = learner("ada");
    let instance = || Instance::without_redis(Arc::clone(&table), Environment::system());
    let (one, other) = (instance(), instance());
    let read = async |seen: &Generations| other.read(&user, seen).await.expect("no read fails");
    read(&Generations::default()).await;
    let (number, _) = one.write(&user).await;
    let seen = async { while read(&Generations::default()).await.row.number != number {} };
    tokio::time::timeout(UNHEARD_USE + Duration::from_secs(5), seen).await.expect("within the bound");
    // Whoever saw the write gets it at once.
    let (number, generations) = one.write(&user).await;
    assert_eq!(read(&generations).await.row.number, number);
    // Where nothing was written the bound costs queries for the number, and no load.
    let (loads, queries) = (table.loads.load(Ordering::SeqCst), table.queries.load(Ordering::SeqCst));
    let asked = async {
        while table.queries.load(Ordering::SeqCst) == queries {
            assert!(read(&Generations::default()).await.status.contains("hit"));
        }
    };
    tokio::time::timeout(UNHEARD_USE + Duration::from_secs(5), asked).await.expect("the store is asked now and then");
    assert_eq!(table.loads.load(Ordering::SeqCst), loads);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_number_names_two_states_and_no_session_goes_back_without_redis() {
    let table = Arc::<Table>::default();
    let instances = [(); 2].map(|()| Instance::without_redis(Arc::clone(&table), Environment::system()));
    let user = learner("ada");
    let over = Instant::now() + Duration::from_secs(3);
    let mut tasks = vec![];
    for session in 0..8_usize {
        let (instances, user) = (instances.clone(), user.clone());
        tasks.push(tokio::spawn(async move {
            let (mut seen, mut least, mut turn) = (Generations::default(), 0, session);
            let mut states = std::collections::HashMap::new();
            while Instant::now() < over {
                turn += 1;
                if session == 0 || turn % 50 == 0 {
                    let (number, generations) = instances[turn % 2].write(&user).await;
                    (least, seen) = (number, generations);
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                let read = instances[(turn / 2) % 2].read(&user, &seen).await.expect("no read fails");
                assert!(read.row.number >= least, "{} after {least} at {seen}: {}", read.row.number, read.status);
                (least, seen) = (read.row.number, read.generations);
                assert_eq!(*states.entry(seen.to_string()).or_insert(least), least, "two states under {seen}");
                tokio::task::yield_now().await;
            }
            turn
        }));
    }
    let mut reads = 0;
    for task in tasks {
        reads += task.await.unwrap();
    }
    println!("{reads} reads by 8 sessions through two instances");
}

/// Prints what a read costs; the figures in the documentation are of an optimised build on an idle machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_hit_costs() {
    let Some(redis) = RedisServer::start().await else { return };
    let table = Arc::<Table>::default();
    table.padding.store(4_000, Ordering::SeqCst);
    let local = Cache::local(Arc::<Table>::clone(&table));
    let shared = member(&redis, &table, PATIENT).await.instance.cache;
    let instance = |cache: &Cache, capacity_bytes| {
        let responses = ResponseCache::new(cache.clone(), Environment::system(), capacity_bytes);
        Instance { responses, ..Instance::new(Arc::clone(&table), cache.clone(), Environment::system()) }
    };
    let user = learner("ada");
    for (what, instance, expected) in [
        ("in process, alone", instance(&local, 1 << 20), "memory"),
        ("in process, generations from Redis", instance(&shared, 1 << 20), "memory"),
        ("in Redis", instance(&shared, 1), "redis"),
    ] {
        let mut took = vec![];
        let mut hits = 0;
        for _ in 0..2_000 {
            let mut lookup = Instance::lookup(&user);
            lookup.request.accept_encoding = Some("gzip, br".into());
            let started = Instant::now();
            let response = instance.respond(lookup, &user).await.expect("no read fails");
            took.push(started.elapsed());
            let status = response.headers().get("cache-status").and_then(|v| v.to_str().ok()).unwrap_or_default();
            hits += u32::from(status.ends_with(expected));
        }
        took.sort_unstable();
        println!("a hit {what}: p50 {:?}, p95 {:?}, of 2000 reads {hits} are hits", took[1_000], took[1_900]);
        assert!(hits > 1_900, "{what}: {hits}");
    }
}

#[tokio::test]
async fn a_redis_that_falls_back_to_an_older_state_is_believed_for_the_rest_of_a_numbers_time() {
    let Some(mut redis) = RedisServer::start().await else { return };
    let table = Arc::<Table>::default();
    let user = learner("ada");
    let before = member(&redis, &table, PATIENT).await;
    before.read(&user).await;
    redis.run(&["SAVE"]).await;
    let (number, seen) = before.instance.write(&user).await;
    redis.kill();
    redis.restart().await;
    // A new process knows nothing; all it could believe is the snapshot, where the old number is still the current one.
    let after = member(&redis, &table, PATIENT).await;
    assert_eq!(after.instance.read(&user, &seen).await.expect("no read fails").row.number, number);
    let other = member(&redis, &table, PATIENT).await;
    let seen = async { while other.read(&user).await.0 != number {} };
    tokio::time::timeout(LIFETIME * 2 + Duration::from_secs(5), seen).await.expect("within the bound");
}

#[tokio::test]
async fn a_response_stored_by_one_instance_is_a_hit_on_another() {
    let Some(redis) = RedisServer::start().await else { return };
    let table = Arc::<Table>::default();
    table.padding.store(5_000, Ordering::SeqCst);
    let (here, there) = (member(&redis, &table, PATIENT).await, member(&redis, &table, PATIENT).await);
    let user = learner("ada");
    let made = here.instance.read(&user, &Generations::default()).await.unwrap();
    let waiting = async {
        loop {
            let read = there.instance.read(&learner("ada"), &Generations::default()).await.unwrap();
            if read.status.contains("detail=redis") || read.status.contains("detail=memory") {
                return read;
            }
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("it gets there");
    assert_eq!((found.row, found.generations), (made.row, made.generations));
}
