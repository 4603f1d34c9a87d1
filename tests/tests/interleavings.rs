//! The caches' protocol in every order of steps, on the code itself: reads and writes are taken apart into their phases, and these are
//! run in orders that proptest makes up. Whatever the order, a read returns nothing older than what was acknowledged before it began,
//! a session nothing older than it has seen, and one number names one state. All orders of a smaller world: `model/`. Under load and
//! faults: `coherence.rs`.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a failed check fails the test")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kairos_origin::cache::Cache;
use kairos_origin::cache::redis::{Redis, RedisConfig};
use kairos_origin::environment::Environment;
use kairos_origin::store::Versioned;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::sync::generation::{Generations, Namespace};
use kairos_tests::instance::{PATIENT, Table, learner};
use kairos_tests::redis::RedisServer;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// Instances, what each has stored, and the table that they are all about.
struct World<'a> {
    instances: &'a [Cache],
    table: &'a Table,
    user: UserId,
    /// By instance: the last that was loaded, and its generations.
    stored: Vec<Option<Versioned<u64>>>,
    /// By session: what it has seen.
    sessions: [Versioned<u64>; 2],
    /// Redis, when it is to be flushed now and then. Then a number may come back for its lifetime, and only sessions are sure.
    flushed: Option<&'a RedisServer>,
    /// Whether what one instance acknowledged is seen by the other at once: they share a Redis, or there is just one.
    heard_at_once: bool,
    acknowledged: u64,
    states: HashMap<String, u64>,
    writes: Vec<Write>,
    reads: Vec<Read>,
    trace: Vec<String>,
    failure: Option<String>,
}

struct Write {
    instance: usize,
    began: tokio::time::Instant,
    committed: Option<Versioned<u64>>,
}

struct Read {
    instance: usize,
    session: usize,
    acknowledged: u64,
    current: Generations,
    loaded: Option<Versioned<u64>>,
}

impl World<'_> {
    fn namespaces(&self) -> Vec<Namespace> {
        vec![Namespace::User(self.user.clone())]
    }

    /// One step: `kind` says of what, `which` of whose.
    async fn step(&mut self, kind: u8, which: usize) {
        match kind {
            0 if self.writes.len() < 3 => {
                let (instance, began) = (which % self.instances.len(), tokio::time::Instant::now());
                self.writes.push(Write { instance, began, committed: None });
            }
            1 | 2 if !self.writes.is_empty() => self.go_on_writing(which % self.writes.len()).await,
            3 | 4 if self.reads.len() < 6 => self.look_up(which % self.instances.len(), which % 3 % 2).await,
            5..8 if !self.reads.is_empty() => self.go_on_reading(which % self.reads.len()),
            8 if which.is_multiple_of(4) => {
                if let Some(redis) = self.flushed {
                    redis.run(&["FLUSHALL"]).await;
                    self.trace.push("redis is flushed".to_owned());
                }
            }
            // The store does not respond; it may have done it, or not.
            9 if !self.writes.is_empty() && which.is_multiple_of(4) => {
                let write = self.writes.swap_remove(which % self.writes.len());
                self.trace.push(format!("{} gives a write up", write.instance));
                self.instances[write.instance].invalidate(&self.namespaces()).await;
            }
            _ => {}
        }
    }

    async fn go_on_writing(&mut self, which: usize) {
        let write = &mut self.writes[which];
        let Some(committed) = write.committed.take() else {
            let committed = self.table.increase(&self.user);
            self.trace.push(format!("{} commits {}", write.instance, committed.value));
            write.committed = Some(committed);
            return;
        };
        let write = self.writes.swap_remove(which);
        self.instances[write.instance].announce(&committed.generations, write.began).await;
        self.trace.push(format!("{} acknowledges {}", write.instance, committed.value));
        self.acknowledged = self.acknowledged.max(committed.value);
    }

    async fn look_up(&mut self, instance: usize, session: usize) {
        let acknowledged = self.acknowledged;
        let seen = &self.sessions[session].generations;
        let current = self.instances[instance].current(&self.namespaces(), seen).await.expect("the table answers");
        self.trace.push(format!("{instance} looks up {current} for {session}"));
        let read = Read { instance, session, acknowledged, current, loaded: None };
        match self.stored[instance].clone().filter(|stored| stored.generations == read.current) {
            Some(stored) => self.tell(&read, "has", stored),
            None => self.reads.push(read),
        }
    }

    fn go_on_reading(&mut self, which: usize) {
        let number = self.table.number(&self.user);
        let read = &mut self.reads[which];
        let Some(loaded) = read.loaded.take() else {
            let generations = self.table.current(&[Namespace::User(self.user.clone())]);
            self.trace.push(format!("{} loads {number}", read.instance));
            read.loaded = Some(Versioned { value: number, generations });
            return;
        };
        let read = self.reads.swap_remove(which);
        self.instances[read.instance].learn(&loaded.generations);
        self.stored[read.instance] = Some(loaded.clone());
        self.tell(&read, "loaded", loaded);
    }

    fn tell(&mut self, read: &Read, how: &str, told: Versioned<u64>) {
        let Versioned { value: number, generations } = &told;
        self.trace.push(format!("{} {how} {number} at {generations} for {}", read.instance, read.session));
        let named = *self.states.entry(generations.to_string()).or_insert(*number);
        let session = &self.sessions[read.session];
        // A session that asks twice at once takes the newer of the two.
        let seen = if read.current.satisfies(&session.generations) { session.value } else { 0 };
        let least = if self.heard_at_once { read.acknowledged } else { 0 };
        if *number < least || *number < seen || named != *number {
            let what =
                format!("{number} after {least} was acknowledged and {seen} seen, and {named} under the same number");
            self.failure.get_or_insert(format!("{what}:\n{}", self.trace.join("\n")));
        }
        if session.value < *number {
            self.sessions[read.session] = told;
        }
    }
}

struct Setting<'a> {
    cases: u32,
    instances: &'a [Cache],
    table: &'a Table,
    flushed: Option<&'a RedisServer>,
    heard_at_once: bool,
}

fn run_all(runtime: &tokio::runtime::Runtime, setting: &Setting<'_>) {
    static USERS: AtomicU64 = AtomicU64::new(0);
    let steps = AtomicU64::new(0);
    let config = ProptestConfig { cases: setting.cases, failure_persistence: None, ..Default::default() };
    let outcome = TestRunner::new(config).run(&vec((0..10_u8, any::<usize>()), 1..150), |plan| {
        steps.fetch_add(plan.len() as u64, Ordering::SeqCst);
        let nothing = Versioned { value: 0, generations: Generations::default() };
        let mut world = World {
            instances: setting.instances,
            table: setting.table,
            user: learner(&format!("learner-{}", USERS.fetch_add(1, Ordering::SeqCst))),
            stored: vec![None; setting.instances.len()],
            sessions: [nothing.clone(), nothing],
            flushed: setting.flushed,
            heard_at_once: setting.heard_at_once,
            acknowledged: 0,
            states: HashMap::new(),
            writes: vec![],
            reads: vec![],
            trace: vec![],
            failure: None,
        };
        runtime.block_on(async {
            for (kind, which) in plan {
                world.step(kind, which).await;
            }
        });
        world.failure.map_or(Ok(()), |failure| Err(TestCaseError::fail(failure)))
    });
    outcome.map_err(|failure| failure.to_string()).expect("every order holds");
    println!("{} steps in {} orders", steps.into_inner(), setting.cases);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn no_order_of_steps_tells_anything_older_in_process() {
    let table = Arc::<Table>::default();
    let instance = || Cache::local(Arc::<Table>::clone(&table));
    let setting = Setting { cases: 2_000, instances: &[instance()], table: &table, flushed: None, heard_at_once: true };
    run_all(&runtime(), &setting);
    run_all(&runtime(), &Setting { instances: &[instance(), instance()], heard_at_once: false, ..setting });
}

#[test]
fn no_order_of_steps_tells_anything_older_through_redis() {
    let runtime = runtime();
    let Some(redis) = runtime.block_on(RedisServer::start()) else { return };
    let table = Arc::<Table>::default();
    let connect = async || {
        let config = RedisConfig { operation_timeout: PATIENT, ..RedisConfig::new(redis.url()) };
        let redis = Redis::connect(config, Environment::system()).await.expect("the URL is valid");
        Cache::shared(Arc::<Table>::clone(&table), redis)
    };
    let instances = runtime.block_on(async { [connect().await, connect().await] });
    let setting = Setting { cases: 300, instances: &instances, table: &table, flushed: None, heard_at_once: true };
    run_all(&runtime, &setting);
    run_all(&runtime, &Setting { flushed: Some(&redis), heard_at_once: false, ..setting });
}
