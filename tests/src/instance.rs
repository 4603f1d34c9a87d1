//! An origin reduced to what its caches stay true by: reads and writes over a table of numbers, with no HTTP in between. For
//! tests that must hold a load or a write at a certain point, which a whole origin does not let them. Not for anything that
//! users see: that is tested on the whole origin.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "what a test cannot set up fails it")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::to_bytes;
use axum::response::Response;
use kairos_origin::cache::Cache;
use kairos_origin::cache::redis::{Redis, RedisConfig};
use kairos_origin::environment::{Clock, Environment};
use kairos_origin::error::AppError;
use kairos_origin::response_cache::{CacheRequest, Lookup, ResponseCache};
use kairos_origin::store::{self, GenerationStore, StoreError, Versioned};
use kairos_origin::writes::Writes;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::headers::{CACHE_STATUS, KAIROS_DEGRADED, KAIROS_GEN};
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::policy::Policy;
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

/// A clock that stands until it is moved.
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Some moment in 2026.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_790_000_000_000)))
    }

    /// Later by that much.
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// The system with this clock.
    #[must_use]
    pub fn environment(self: &Arc<Self>) -> Environment {
        Environment { clock: Arc::<Self>::clone(self), ..Environment::system() }
    }
}

impl Clock for TestClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The table: one number per learner, which only writes change, by one; it is the generation of the learner's namespace too. Shared
/// by the instances of a test.
#[derive(Default)]
pub struct Table {
    numbers: Mutex<HashMap<UserId, u64>>,
    /// How often it was read.
    pub loads: AtomicU64,
    /// How often it was asked for generations alone.
    pub queries: AtomicU64,
    /// How often it was asked for generations that are surely not those of a deposed server.
    pub confirmations: AtomicU64,
    /// How many writes behind it is, as a deposed server does that does not know it yet.
    pub lag: AtomicU64,
    /// When set, what a load fails with.
    pub failure: Mutex<Option<ProblemType>>,
    /// When set, each load reads, then waits for a permit before it hands over what it read.
    pub gate: Mutex<Option<Arc<Semaphore>>>,
    /// When set, each query for generations waits for a permit.
    pub query_gate: Mutex<Option<Arc<Semaphore>>>,
    /// Characters of text beside the number.
    pub padding: AtomicU64,
}

/// What a load gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Whose.
    pub whose: String,
    /// The number.
    pub number: u64,
    /// Text that makes it long.
    pub text: String,
}

impl Table {
    /// The learner's number.
    pub fn number(&self, user: &UserId) -> u64 {
        self.numbers.lock().unwrap().get(user).copied().unwrap_or(0)
    }

    /// Makes it one larger, and returns it.
    pub fn increase(&self, user: &UserId) -> Versioned<u64> {
        let mut numbers = self.numbers.lock().unwrap();
        let number = numbers.entry(user.clone()).or_default();
        *number += 1;
        let generations = [(Namespace::User(user.clone()), Generation::new(*number))].into_iter().collect();
        Versioned { value: *number, generations }
    }

    /// Somebody else's write makes it so large.
    pub fn raise_to(&self, user: &UserId, number: Generation) {
        self.numbers.lock().unwrap().insert(user.clone(), number.get());
    }

    /// The current number of each of `namespaces`.
    pub fn current(&self, namespaces: &[Namespace]) -> Generations {
        named(&self.numbers.lock().unwrap(), namespaces, 0)
    }

    fn number_of_each(&self, namespaces: &[Namespace], lag: u64) -> store::Result<Generations> {
        if *self.failure.lock().unwrap() == Some(ProblemType::Unavailable) {
            return Err(StoreError::Unavailable("as the test wants it".to_owned()));
        }
        Ok(named(&self.numbers.lock().unwrap(), namespaces, lag))
    }

    /// Holds loads until permits are added.
    pub fn close_gate(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.gate.lock().unwrap() = Some(Arc::clone(&gate));
        gate
    }

    /// Holds queries for generations until permits are added.
    pub fn close_query_gate(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.query_gate.lock().unwrap() = Some(Arc::clone(&gate));
        gate
    }

    /// What is read now, handed over when the gate lets it.
    async fn load(self: Arc<Self>, user: UserId, namespaces: Vec<Namespace>) -> Result<Versioned<Row>, AppError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let lag = self.lag.load(Ordering::SeqCst);
        let failure = *self.failure.lock().unwrap();
        let length = usize::try_from(self.padding.load(Ordering::SeqCst)).unwrap();
        let text = "How long may this answer be used? ".chars().cycle().take(length).collect();
        // Both in one snapshot, as a store gives them.
        let (number, generations) = {
            let numbers = self.numbers.lock().unwrap();
            let number = numbers.get(&user).copied().unwrap_or(0).saturating_sub(lag);
            (number, named(&numbers, &namespaces, lag))
        };
        let row = Versioned { value: Row { whose: user.to_string(), number, text }, generations };
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.acquire().await.expect("gates are not closed for good").forget();
        }
        failure.map_or(Ok(row), |problem| Err(problem.into()))
    }
}

fn named(numbers: &HashMap<UserId, u64>, namespaces: &[Namespace], lag: u64) -> Generations {
    let number = |namespace: &Namespace| match namespace {
        Namespace::User(user) => numbers.get(user).copied().unwrap_or(0).saturating_sub(lag),
        Namespace::Catalog | Namespace::Module(_) | Namespace::Group(_) => 0,
    };
    namespaces.iter().map(|namespace| (namespace.clone(), Generation::new(number(namespace)))).collect()
}

#[async_trait]
impl GenerationStore for Table {
    async fn generations(&self, namespaces: &[Namespace]) -> store::Result<Generations> {
        self.queries.fetch_add(1, Ordering::SeqCst);
        let gate = self.query_gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.acquire().await.expect("gates are not closed for good").forget();
        }
        self.number_of_each(namespaces, self.lag.load(Ordering::SeqCst))
    }

    async fn confirmed_generations(&self, namespaces: &[Namespace]) -> store::Result<Generations> {
        self.confirmations.fetch_add(1, Ordering::SeqCst);
        self.number_of_each(namespaces, 0)
    }

    async fn raise_generations(&self, namespaces: &[Namespace], _: UnixMillis) -> store::Result<Generations> {
        self.number_of_each(namespaces, 0)
    }
}

/// One instance.
#[derive(Clone)]
pub struct Instance {
    /// The table.
    pub table: Arc<Table>,
    /// Its cache.
    pub cache: Cache,
    /// Its response cache.
    pub responses: ResponseCache,
    /// Its writes.
    pub writes: Writes,
}

/// What a read got.
#[derive(Debug)]
pub struct Read {
    /// The row.
    pub row: Row,
    /// `Cache-Status`.
    pub status: String,
    /// `Kairos-Gen`.
    pub generations: Generations,
    /// `Kairos-Degraded`.
    pub degraded: Option<String>,
}

/// Long enough that a busy machine does not look like a broken Redis.
pub const PATIENT: Duration = Duration::from_secs(5);

impl Instance {
    /// The only instance on a table of its own.
    #[must_use]
    pub fn alone(clock: &Arc<TestClock>) -> Self {
        Self::without_redis(Arc::default(), clock.environment())
    }

    /// One of those that share `table`, and nothing else.
    #[must_use]
    pub fn without_redis(table: Arc<Table>, environment: Environment) -> Self {
        let cache = Cache::local(Arc::<Table>::clone(&table));
        Self::new(table, cache, environment)
    }

    /// One of those that share `table` and a Redis.
    pub async fn sharing(config: RedisConfig, table: Arc<Table>) -> Self {
        let redis = Redis::connect(config, Environment::system()).await.expect("the URL is valid");
        let cache = Cache::shared(Arc::<Table>::clone(&table), redis);
        Self::new(table, cache, Environment::system())
    }

    /// An instance over `table` with `cache`.
    #[must_use]
    pub fn new(table: Arc<Table>, cache: Cache, environment: Environment) -> Self {
        let responses = ResponseCache::new(cache.clone(), environment, 8 << 20);
        let writes = Writes::new(cache.clone());
        Self { table, cache, responses, writes }
    }

    /// What this learner asks for.
    #[must_use]
    pub fn lookup(user: &UserId) -> Lookup {
        let key = "/v1/me/progress/stats".to_owned();
        Lookup {
            policy: Policy::Statistics,
            subject: Some(user.clone()),
            key,
            request: CacheRequest::default(),
            nothing_shared: None,
        }
    }

    /// The response to `lookup`, loaded from the table of `whose` when it must be.
    ///
    /// # Errors
    /// The table's failure.
    pub async fn respond(&self, lookup: Lookup, whose: &UserId) -> Result<Response, AppError> {
        let (table, whose) = (Arc::clone(&self.table), whose.clone());
        let namespaces = lookup.policy.namespaces(lookup.subject.as_ref());
        self.responses.get_or_load(lookup, move || table.load(whose, namespaces)).await
    }

    /// The learner's row, on the condition that the caller has `seen` these generations.
    ///
    /// # Errors
    /// The table's failure.
    pub async fn read(&self, user: &UserId, seen: &Generations) -> Result<Read, AppError> {
        let mut lookup = Self::lookup(user);
        lookup.request.reported = seen.clone();
        Ok(parse(self.respond(lookup, user).await?).await)
    }

    /// Makes the learner's number one larger. Returns it and the generations it is seen from.
    pub async fn write(&self, user: &UserId) -> (u64, Generations) {
        let (table, whose) = (Arc::clone(&self.table), user.clone());
        let work = async move { Ok(table.increase(&whose)) };
        let done = self.writes.commit(vec![Namespace::User(user.clone())], work).await;
        let Versioned { value, generations } = done.expect("a write to the table does not fail");
        (value, generations)
    }

    /// A write that the store does not answer: it is up to the test whether and when it happens.
    pub async fn write_unanswered(&self, user: &UserId) {
        let work = async { Err(StoreError::Unanswered("as the test wants it".to_owned()).into()) };
        let outcome = self.writes.commit::<(), _>(vec![Namespace::User(user.clone())], work).await;
        let error = outcome.expect_err("nobody is told that it happened");
        assert_eq!(error.generations, Generations::default());
    }
}

/// Reads a 200 in full.
pub async fn parse(response: Response) -> Read {
    let (parts, body) = response.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let status = header(CACHE_STATUS).unwrap_or_default();
    let generations = Generations::parse(&header(KAIROS_GEN).unwrap_or_default());
    let degraded = header(KAIROS_DEGRADED);
    let body = to_bytes(body, usize::MAX).await.expect("a body in memory");
    Read { row: serde_json::from_slice(&body).expect("a row"), status, generations, degraded }
}

/// A learner.
#[must_use]
pub fn learner(id: &str) -> UserId {
    UserId::new(id).expect("a valid id")
}
