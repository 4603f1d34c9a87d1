//! The caches' protocol in every order of steps: reads and writes are taken apart into their phases, and these are run in orders
//! that proptest makes up. Whatever the order, a read returns nothing older than what was acknowledged, or returned to anybody,
//! before it began. Under load and faults: `coherence.rs`.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a failed check fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kairos_origin::cache::local::LocalCache;
use kairos_origin::cache::redis::{RedisCache, RedisConfig};
use kairos_origin::cache::{Cache, Fence, Lookup, Snapshot, Standing};
use kairos_origin::machine::Machine;
use kairos_protocol::generation::{Generations, Namespace};
use kairos_protocol::ids::UserId;
use kairos_tests::instance::{TestClock, learner};
use kairos_tests::redis::RedisServer;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// Instances that share a cache, what each remembers, and the number they are all about.
struct World<'a> {
    instances: &'a [Arc<dyn Cache>],
    user: UserId,
    /// By instance: the last answer kept, and what it was made from.
    memories: Vec<Option<(Generations, u64)>>,
    stored: u64,
    /// Redis, when it is to be flushed now and then. Then fences are lost, and only what was acknowledged is sure to be seen; else
    /// what was read is, too.
    flushed: Option<&'a RedisServer>,
    /// The largest number anybody was told.
    told: u64,
    writes: Vec<Write>,
    /// How many writes the store did not answer and may do yet.
    unanswered: u64,
    reads: Vec<Read>,
    trace: Vec<String>,
    failure: Option<String>,
}

struct Write {
    instance: usize,
    fence: Fence,
    committed: Option<u64>,
}

struct Read {
    instance: usize,
    snapshot: Snapshot,
    least: u64,
    loaded: Option<u64>,
}

impl<'a> World<'a> {
    fn new(instances: &'a [Arc<dyn Cache>], user: UserId, flushed: Option<&'a RedisServer>) -> Self {
        let memories = instances.iter().map(|_| None).collect();
        let (stored, told, writes, unanswered, reads, trace) = (0, 0, vec![], 0, vec![], vec![]);
        Self { instances, user, memories, stored, flushed, told, writes, unanswered, reads, trace, failure: None }
    }

    /// One step: `kind` says of what, `which` of whose.
    async fn step(&mut self, kind: u8, which: usize) {
        match kind {
            0 if self.writes.len() < 3 => self.fence(which % self.instances.len()).await,
            1 | 2 if !self.writes.is_empty() => self.go_on_writing(which % self.writes.len()).await,
            3 | 4 if self.reads.len() < 6 => self.look_up(which % self.instances.len()).await,
            5..8 if !self.reads.is_empty() => self.go_on_reading(which % self.reads.len()).await,
            9 if self.unanswered > 0 => {
                self.unanswered -= 1;
                self.stored += 1;
                self.trace.push(format!("the store does {} after all", self.stored));
            }
            9 if !self.writes.is_empty() && which.is_multiple_of(4) => self.give_up(which % self.writes.len()).await,
            8 if which.is_multiple_of(4) => {
                if let Some(redis) = self.flushed {
                    redis.run(&["FLUSHALL"]).await;
                    self.trace.push("redis is flushed".to_owned());
                }
            }
            _ => {}
        }
    }

    async fn fence(&mut self, instance: usize) {
        let fence = self.instances[instance].fence(vec![Namespace::User(self.user.clone())]).await;
        self.trace.push(format!("{instance} fences {}", fence.token));
        self.writes.push(Write { instance, fence, committed: None });
    }

    async fn go_on_writing(&mut self, which: usize) {
        let write = &mut self.writes[which];
        if write.committed.is_none() {
            self.stored += 1;
            write.committed = Some(self.stored);
            self.trace.push(format!("{} commits {}", write.instance, self.stored));
            return;
        }
        let write = self.writes.swap_remove(which);
        let generations = self.instances[write.instance].release(write.fence).await;
        self.trace.push(format!("{} acknowledges {:?} at {generations}", write.instance, write.committed));
        self.told = self.told.max(write.committed.unwrap_or(0));
    }

    /// The store does not answer in time.
    async fn give_up(&mut self, which: usize) {
        let write = self.writes.swap_remove(which);
        self.unanswered += u64::from(write.committed.is_none());
        self.trace.push(format!("{} gives {} up", write.instance, write.fence.token));
        self.instances[write.instance].let_expire(write.fence).await;
    }

    async fn look_up(&mut self, instance: usize) {
        let least = self.told;
        let held = self.memories[instance].as_ref();
        let namespaces = [Namespace::User(self.user.clone())];
        let seen = Generations::default();
        let (key, held_from) = (self.user.as_str(), held.map(|(generations, _)| generations));
        let lookup = Lookup { namespaces: &namespaces, seen: &seen, key, held: held_from };
        let found = self.instances[instance].look_up(lookup).await;
        let snapshot = found.snapshot;
        self.trace.push(format!("{instance} looks up {:?} at {}", snapshot.standing, snapshot.generations));
        let settled = snapshot.standing == Standing::Settled;
        let remembered = held.filter(|(from, _)| settled && *from == snapshot.generations).map(|(_, number)| *number);
        let kept = found.value.filter(|_| settled).and_then(|value| String::from_utf8(value.into()).ok()?.parse().ok());
        match remembered.or(kept) {
            Some(number) => self.tell(instance, "has", number, least),
            None => self.reads.push(Read { instance, snapshot, least, loaded: None }),
        }
    }

    async fn go_on_reading(&mut self, which: usize) {
        let read = &mut self.reads[which];
        let Some(number) = read.loaded else {
            read.loaded = Some(self.stored);
            self.trace.push(format!("{} loads {}", read.instance, self.stored));
            return;
        };
        let Read { instance, snapshot, least, .. } = self.reads.swap_remove(which);
        if snapshot.standing == Standing::Settled {
            let value = number.to_string().into_bytes().into();
            self.instances[instance].keep(self.user.as_str(), &snapshot.generations, value, 60).await;
            self.memories[instance] = Some((snapshot.generations, number));
        }
        self.tell(instance, "loaded", number, least);
    }

    fn tell(&mut self, instance: usize, how: &str, number: u64, least: u64) {
        self.trace.push(format!("{instance} {how} {number}"));
        if number < least {
            self.failure = Some(format!("{number} was told after {least}:\n{}", self.trace.join("\n")));
        }
        if self.flushed.is_none() {
            self.told = self.told.max(number);
        }
    }
}

fn run_all(runtime: &tokio::runtime::Runtime, cases: u32, instances: &[Arc<dyn Cache>], flushed: Option<&RedisServer>) {
    let (users, steps) = (AtomicU64::new(0), AtomicU64::new(0));
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..Default::default() });
    let outcome = runner.run(&vec((0..10_u8, any::<usize>()), 1..150), |plan| {
        let user = learner(&format!("learner-{}", users.fetch_add(1, Ordering::SeqCst)));
        steps.fetch_add(plan.len() as u64, Ordering::SeqCst);
        let mut world = World::new(instances, user, flushed);
        runtime.block_on(async {
            for (kind, which) in plan {
                world.step(kind, which).await;
            }
        });
        world.failure.map_or(Ok(()), |failure| Err(TestCaseError::fail(failure)))
    });
    outcome.map_err(|failure| failure.to_string()).expect("every order holds");
    println!("{} steps in {cases} orders", steps.into_inner());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn no_order_of_steps_tells_anything_older_in_process() {
    // The clock stands: numbers must differ all the same.
    let cache: Arc<dyn Cache> = Arc::new(LocalCache::alone(TestClock::new().machine()));
    run_all(&runtime(), 2_000, &[cache], None);
}

#[test]
fn no_order_of_steps_tells_anything_older_through_redis() {
    let runtime = runtime();
    let Some(redis) = runtime.block_on(RedisServer::start()) else { return };
    let connect = async || {
        let patience = std::time::Duration::from_secs(5);
        let config = RedisConfig { operation_timeout: patience, ..RedisConfig::new(redis.url()) };
        let cache = RedisCache::connect(config, Machine::system()).await.expect("the URL is valid");
        Arc::new(cache) as Arc<dyn Cache>
    };
    let instances = runtime.block_on(async { [connect().await, connect().await] });
    run_all(&runtime, 300, &instances, None);
    run_all(&runtime, 300, &instances, Some(&redis));
}
