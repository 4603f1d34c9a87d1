//! What instances share through Redis: the number of each namespace, and answers. Not here: the scripts that run there (`scripts`),
//! how it is reached, lost and found again (`connection`, on a `thread` of its own), or the rules by which any of it is believed ([`super::Cache`]).
//!
//! Each namespace has one value, which lives for [`RedisConfig::number_lifetime`]: a number, which is the current one; or a mark, when
//! nobody knows. A write that is about to be acknowledged changes the value. Who asks the store, since there is no number, puts it
//! there only if the value is still the one that was found before the store was asked.
//!
//! What is promised, by state of Redis:
//! - reached: a look-up that begins after a write was acknowledged by any instance finds its number, or none;
//! - not reached: nothing; the store is asked. A write that could not be announced is seen by the instances that reach Redis when the
//!   value is over, at most twice its lifetime later; the writer's own instance knows of it;
//! - empty, flushed, restarted or fallen back to an older state: as not reached, at the worst.
//!
//! One server (6.0 or later), not a cluster: the keys of a script lie together. Every key expires, and whatever the server evicts before that only
//! costs a query: give it `maxmemory` and `allkeys-lru`.

mod connection;
mod scripts;
mod thread;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{RedisResult, Value};
use bytes::Bytes;
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};
use tokio::sync::Semaphore;

use super::batch::Batcher;
use crate::environment::Environment;
use connection::{RedisConnection, Unreached};

/// How Redis is reached.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// `redis://[user:password@]host[:port][/database]`.
    pub url: String,
    /// All keys begin with it, so that several systems can share a server.
    pub key_prefix: String,
    /// How long one command may take before requests go on without Redis; after that, the breaker is open and they do not wait at
    /// all.
    pub operation_timeout: Duration,
    /// How long Redis holds a number, or a mark, without being told again. A write that nobody could announce is seen by all after
    /// at most twice that.
    pub number_lifetime: Duration,
}

impl RedisConfig {
    /// Keeps the whole loss below 50 ms.
    pub const OPERATION_TIMEOUT: Duration = Duration::from_millis(40);

    /// Each namespace that is read costs the store one point query in that time.
    pub const NUMBER_LIFETIME: Duration = Duration::from_secs(10);

    /// `url` with the prefix `kairos:` and the usual times.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        let key_prefix = "kairos:".to_owned();
        let (operation_timeout, number_lifetime) = (Self::OPERATION_TIMEOUT, Self::NUMBER_LIFETIME);
        Self { url: url.into(), key_prefix, operation_timeout, number_lifetime }
    }
}

/// Answers larger than this are not shared: moving one costs more than loading it.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Answers on their way from or to Redis at once. Who finds no place goes on without.
const MAX_TRANSFERS: usize = 32;

/// See the module. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Redis {
    connection: Arc<RedisConnection>,
    environment: Environment,
    look_ups: Arc<Batcher<Namespace, Result<Arc<Snapshot>, Unreached>>>,
    confirmations: Arc<Batcher<Confirmation, Result<(), Unreached>>>,
    transfers: Arc<Semaphore>,
}

/// What Redis knew of some namespaces at one moment.
#[derive(Debug)]
pub(super) struct Snapshot(BTreeMap<Namespace, SharedGeneration>);

/// What Redis knows of one namespace.
#[derive(Clone, Debug, Default)]
struct SharedGeneration {
    /// The current one, if somebody knows it.
    number: Option<Generation>,
    /// What is there, as it is.
    value: Option<String>,
}

/// A number that the store gave after a look-up had `found` another value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Confirmation {
    namespace: Namespace,
    found: String,
    number: Generation,
}

impl Snapshot {
    /// The numbers of all of `namespaces`, unless one is in doubt.
    pub(super) fn numbers(&self, namespaces: &[Namespace]) -> Option<Generations> {
        let number = |namespace: &Namespace| Some((namespace.clone(), self.0.get(namespace)?.number?));
        namespaces.iter().map(number).collect()
    }
}

impl Redis {
    /// Reaches for Redis for up to half a second; while it is not there, every look-up says so at once.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub async fn connect(config: RedisConfig, environment: Environment) -> RedisResult<Self> {
        let connection = RedisConnection::open(config).await?;
        let (looking, entropy) = (Arc::clone(&connection), environment.clone());
        let look_ups = Batcher::on(connection.handle(), move |n: Vec<Namespace>| {
            look_up(Arc::clone(&looking), n, entropy.random_hex::<8>())
        });
        let confirming = Arc::clone(&connection);
        let confirmations = Batcher::on(connection.handle(), move |confirmations: Vec<Confirmation>| {
            let connection = Arc::clone(&confirming);
            async move { connection.run::<Value>(connection.scripts.confirm(&confirmations)).await.map(drop) }
        });
        Ok(Self {
            connection,
            environment,
            look_ups: Arc::new(look_ups),
            confirmations: Arc::new(confirmations),
            transfers: Arc::new(Semaphore::new(MAX_TRANSFERS)),
        })
    }

    /// Whether Redis is reached now.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.connection.permit().is_ok()
    }

    /// One look-up, with whoever else asks meanwhile, that begins after this is called; `None` when Redis is not reached.
    pub(super) async fn look_up(&self, namespaces: &[Namespace]) -> Option<Arc<Snapshot>> {
        if !self.is_reached() {
            return None;
        }
        self.look_ups.get(namespaces).await?.ok()
    }

    /// Puts what the store said after `view` in the place of what that found, in the background.
    pub(super) fn confirm(&self, view: &Snapshot, numbers: &Generations) {
        let confirmations = |(namespace, number): (&Namespace, Generation)| {
            let found = view.0.get(namespace)?.value.clone()?;
            Some(Confirmation { namespace: namespace.clone(), found, number })
        };
        self.confirmations.start(numbers.iter().filter_map(confirmations));
    }

    /// A write is committed with these numbers and about to be acknowledged.
    pub(super) async fn announce(&self, numbers: &Generations) {
        let namespaces: Vec<_> = numbers.iter().map(|(namespace, _)| namespace.clone()).collect();
        self.tell(&namespaces, numbers).await;
    }

    /// Nobody knows the numbers of `namespaces`.
    pub(super) async fn invalidate(&self, namespaces: &[Namespace]) {
        self.tell(namespaces, &Generations::default()).await;
    }

    async fn tell(&self, namespaces: &[Namespace], numbers: &Generations) {
        let command = self.connection.scripts.announce(namespaces, numbers, &self.environment.random_hex::<8>());
        let told = self.connection.run::<Value>(command).await;
        tracing::trace!(?told, %numbers, "told redis of a write");
    }

    /// What was last kept under `key`. Its transfer has a connection of its own, and its failure is not held against Redis.
    pub(super) async fn load(&self, key: &str) -> Option<Bytes> {
        let _place = self.transfers.try_acquire().ok()?;
        self.connection.transfer(self.connection.scripts.load(key)).await.ok().flatten()
    }

    /// Keeps a value in the background; dropped when it is too large, or too much is on its way.
    pub(super) fn store(&self, key: &str, value: impl FnOnce() -> Bytes, ttl_secs: u32) {
        if !self.is_reached() {
            return;
        }
        let Ok(place) = Arc::clone(&self.transfers).try_acquire_owned() else { return };
        let value = value();
        if value.len() > MAX_ANSWER_BYTES {
            return;
        }
        let (connection, command) =
            (Arc::clone(&self.connection), self.connection.scripts.store(key, &value, ttl_secs));
        tokio::spawn(async move {
            let kept = connection.transfer::<Value>(command).await;
            tracing::trace!(?kept, "kept an answer in redis");
            drop(place);
        });
    }
}

/// What there is of each namespace; where there is nothing, a mark is put first.
async fn look_up(
    connection: Arc<RedisConnection>,
    namespaces: Vec<Namespace>,
    mark: String,
) -> Result<Arc<Snapshot>, Unreached> {
    let values: Vec<Option<String>> = connection.run(connection.scripts.look_up(&namespaces)).await?;
    let mut known: BTreeMap<_, _> = namespaces.into_iter().zip(values.into_iter().map(scripts::read)).collect();
    let missing: Vec<Namespace> = known.iter().filter(|(_, k)| k.value.is_none()).map(|(n, _)| n.clone()).collect();
    if !missing.is_empty() {
        let values: Vec<Option<String>> = connection.run(connection.scripts.mark(&missing, &mark)).await?;
        known.extend(missing.into_iter().zip(values.into_iter().map(scripts::read)));
    }
    Ok(Arc::new(Snapshot(known)))
}
