//! What instances share through Redis: the number of each namespace, and stored responses. Not here: the scripts that run there
//! (`scripts`), how it is reached, lost and found again (`connection`, on a `thread` of its own), or the rules by which any of it is
//! believed ([`crate::cache::Cache`]).
//!
//! Each namespace has one value, which lives for [`RedisConfig::number_lifetime`]: a number, which is the current one; or a mark, when
//! nobody knows it: it was invalidated. A write that is about to be acknowledged changes the value. Who asks the store, since there is
//! no number, puts it there only if the value is still the one that was found before the store was asked.
//!
//! What is promised, by state of Redis:
//! - reached: a look-up that begins after a write was acknowledged by any instance finds its number, or none;
//! - not reached: nothing; the store is asked. A write that could not be announced is seen by the instances that reach Redis when the
//!   value is over, at most twice its lifetime later; the writer's own instance knows of it;
//! - empty, flushed, restarted or fallen back to an older state: as not reached, at the worst.
//!
//! One server (6.0 or later), a cluster, or a master that sentinels watch over (`servers`). In a cluster what belongs to one namespace lies
//! together (by hash tags), and a script has the keys of one namespace; one member that is not reached is as Redis not reached. A replica
//! that takes over may have missed the last writes: that is an older state, as above. Every key expires, and whatever the server evicts before that only
//! costs a query: give it `maxmemory` and `allkeys-lru`.

mod config;
mod connection;
mod lease;
mod reads;
mod scripts;
mod servers;
mod snapshot;
mod thread;

use std::sync::Arc;

use ::redis::{RedisResult, Value};
use bytes::Bytes;
use futures_util::future::try_join_all;
use kairos_protocol::sync::generation::{Generations, Namespace};
use tokio::sync::Semaphore;

use crate::cache::batch::Batcher;
use crate::environment::Environment;
pub use config::RedisConfig;
use connection::{RedisConnection, Unreached};
pub(crate) use lease::{Lease, LeaseAttempt};
use reads::{Found, MOST_READS, SharedRead};
use snapshot::Confirmation;
pub(super) use snapshot::Snapshot;

/// Responses larger than this are not shared: moving one costs more than loading it.
const MAX_RESPONSE_BYTES: usize = 256 * 1024;
/// Responses on their way from or to Redis at once. Who gets no permit goes on without.
const MAX_TRANSFERS: usize = 32;

/// See the module. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Redis {
    connection: Arc<RedisConnection>,
    environment: Environment,
    look_ups: Arc<Batcher<Namespace, Result<Arc<Snapshot>, Unreached>>>,
    confirmations: Arc<Batcher<Confirmation, Result<(), Unreached>>>,
    reads: Arc<Batcher<SharedRead, Result<Arc<Found>, Unreached>>>,
    transfers: Arc<Semaphore>,
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
            async move {
                let confirm = |some| connection.run::<Value>(connection.scripts.confirm(some));
                try_join_all(connection.chunks(&confirmations).map(confirm)).await.map(drop)
            }
        });
        let reading = Arc::clone(&connection);
        let reads = Batcher::on(connection.handle(), move |reads| reads::read(Arc::clone(&reading), reads));
        Ok(Self {
            connection,
            environment,
            look_ups: Arc::new(look_ups),
            confirmations: Arc::new(confirmations),
            reads: Arc::new(reads.at_most(MOST_READS)),
            transfers: Arc::new(Semaphore::new(MAX_TRANSFERS)),
        })
    }

    /// Whether Redis is reached now.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.connection.acquire().is_ok()
    }

    /// A look-up, shared by all who come meanwhile, that begins after this is called; `None` when Redis is not reached.
    pub(super) async fn look_up(&self, namespaces: &[Namespace]) -> Option<Arc<Snapshot>> {
        if !self.is_reached() {
            return None;
        }
        self.look_ups.get(namespaces).await?.ok()
    }

    /// The numbers of `namespaces` and what is stored under `key`, looked up at once with what others read meanwhile, after this is
    /// called. `None` when Redis is not reached, does not know all numbers, or too much is read.
    pub(super) async fn read(&self, key: &str, namespaces: &[Namespace]) -> Option<(Generations, Option<Bytes>)> {
        if !self.is_reached() {
            return None;
        }
        let read = SharedRead { key: key.to_owned(), namespaces: namespaces.to_vec() };
        let found = self.reads.get(&[read]).await?.ok()?;
        Some((found.numbers.numbers(namespaces)?, found.responses.get(key).cloned()))
    }

    /// Puts the `numbers` that the store gave after `snapshot` in the place of what that found, in the background.
    pub(super) fn confirm(&self, snapshot: &Snapshot, numbers: &Generations) {
        self.confirmations.start(snapshot.confirmations(numbers));
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
        let mark = self.environment.random_hex::<8>();
        let tell = |some| self.connection.run::<Value>(self.connection.scripts.announce(some, numbers, &mark));
        let told = try_join_all(self.connection.chunks(namespaces).map(tell)).await;
        tracing::trace!(?told, %numbers, "told redis of a write");
    }

    /// What was last stored under `key`. Its transfer has a connection of its own, and its failure is not held against Redis.
    pub(super) async fn load(&self, key: &str) -> Option<Bytes> {
        let _permit = self.transfers.try_acquire().ok()?;
        self.connection.transfer(self.connection.scripts.load(key)).await.ok().flatten()
    }

    /// Tries to take the lease named `name` on loading what is stored under `key`, and looks whether that is another value by now
    /// than the one that begins with `seen`. `None` when Redis is not reached in time, or too much is on its way.
    pub(super) async fn lease(&self, name: &str, key: &str, seen: &[u8]) -> Option<LeaseAttempt> {
        self.connection.acquire().ok()?;
        let _permit = self.transfers.try_acquire().ok()?;
        let token = self.environment.random_hex::<8>();
        let command = self.connection.scripts.lease(name, key, &token, seen);
        let (taken, response): (u8, Option<Bytes>) = self.connection.transfer(command).await.ok()?;
        let lease = (taken == 1).then(|| Lease::new(Arc::clone(&self.connection), name.to_owned(), token));
        Some(LeaseAttempt { lease, response })
    }

    /// Stores a value in the background, and gives the lease back after that, if there was one. Dropped when it is too large, or
    /// too much is on its way.
    pub(super) fn store(&self, key: &str, value: impl FnOnce() -> Bytes, ttl_secs: u32, lease: Option<Lease>) {
        if !self.is_reached() {
            return;
        }
        let Ok(permit) = Arc::clone(&self.transfers).try_acquire_owned() else { return };
        let value = value();
        if value.len() > MAX_RESPONSE_BYTES {
            return;
        }
        let (connection, command) =
            (Arc::clone(&self.connection), self.connection.scripts.store(key, &value, ttl_secs));
        tokio::spawn(async move {
            let stored = connection.transfer::<Value>(command).await;
            tracing::trace!(?stored, "stored a response in redis");
            drop((permit, lease));
        });
    }
}

/// What there is of each namespace; where there is nothing, a mark is put first.
async fn look_up(
    connection: Arc<RedisConnection>,
    namespaces: Vec<Namespace>,
    mark: String,
) -> Result<Arc<Snapshot>, Unreached> {
    let values = connection.run(connection.scripts.look_up(&namespaces)).await?;
    let mut snapshot = Snapshot::new(namespaces, values);
    let missing = snapshot.missing();
    if !missing.is_empty() {
        let put = |some| connection.run::<Vec<Option<String>>>(connection.scripts.mark(some, &mark));
        let values = try_join_all(connection.chunks(&missing).map(put)).await?.concat();
        snapshot.extend(Snapshot::new(missing, values));
    }
    Ok(Arc::new(snapshot))
}
