//! The [`super::Store`] on MongoDB (driver 3.9, servers from 5.0): shared by any number of instances. Each entity has its file; all of
//! them go through `MongoStore::change`, which sees to rows C1 and C2 of the specification.
//!
//! Needs a replica set, of one member if need be, or `mongos`: what must happen together is one transaction (`transaction`).

mod abandoned;
mod account_queries;
mod accounts;
mod catalog;
mod documents;
mod explain;
mod failure;
mod forms;
mod gate;
mod generations;
mod health;
mod index_report;
mod indexes;
mod jitter;
mod keys;
mod module_queries;
mod operations;
mod plan;
mod progress;
mod progress_queries;
mod query;
mod reachability;
mod samples;
mod schemas;
mod sessions;
pub mod shapes;
mod sharding;
mod snapshot;
mod time_limit;
mod transaction;
mod turns;
mod version;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use mongodb::options::{Acknowledgment, ClientOptions, CollectionOptions, Compressor, ReadConcern, WriteConcern};
use mongodb::{Client, Collection, Database};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Result, StoreError};
use crate::telemetry::request_trace::carried;
use failure::{Failure, describe};
use gate::Gate;
use reachability::{GivenUp, Reachability};
use time_limit::{OPERATION_TIMEOUT, SERVER_SELECTION_TIMEOUT};
use turns::Turns;

/// Row C1: the longest that opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Row C2: most connections, least connections, how long one may be idle, and how long a method waits for one.
const MAX_POOL_SIZE: u32 = 200;
const MIN_POOL_SIZE: u32 = 20;
const MAX_IDLE: Duration = Duration::from_secs(60);
const WAIT_QUEUE_TIMEOUT: Duration = Duration::from_secs(5);
/// A cold pool opens this many at a time; the driver's own default of two makes the first requests wait.
const MAX_CONNECTING: u32 = 10;
/// The database when the URL names none.
const DEFAULT_DATABASE: &str = "kairos";

/// A method's commands. Boxed, once: the driver's futures are many kilobytes, and would be moved with every function around them.
type Work<T> = BoxFuture<'static, std::result::Result<T, Failure>>;

/// A MongoDB database as a store. Cheap to clone.
#[derive(Clone)]
pub struct MongoStore {
    database: Database,
    /// The same over connections that compress for size (row C3): for modules, whose content is long text.
    of_large_documents: Database,
    /// The driver has no wait-queue timeout: a place here is a connection of the pool.
    places: Arc<Semaphore>,
    indexes: Arc<IndexState>,
    turns: Arc<Turns>,
    reachability: Arc<Reachability>,
}

#[derive(Default)]
struct IndexState {
    are_there: AtomicBool,
    /// How many attempts to create them have ended.
    attempts: AtomicU64,
    /// Why the last attempt failed. Locked while one is under way.
    failure: Mutex<Option<String>>,
}

impl MongoStore {
    /// Reads `url` and opens the database that its path names (else `kairos`). Does not wait for the server: methods fail with
    /// [`StoreError::Unavailable`] until it can be reached. Indexes are created by the first method that reaches it.
    ///
    /// # Errors
    /// The URL is not valid.
    pub async fn open(url: &str) -> Result<Self> {
        let parsed = ClientOptions::parse(url).await;
        let mut options = parsed.map_err(|error| StoreError::Unavailable(describe(&error)))?;
        configure(&mut options);
        let name = options.default_database.clone().unwrap_or_else(|| DEFAULT_DATABASE.to_owned());
        Self::with_options(options, &name)
    }

    /// Opens `database` with the driver's own options, for tests that listen to what is sent. [`MongoStore::open`] is this after
    /// [`configure`].
    ///
    /// # Errors
    /// The options contradict each other.
    pub fn with_options(options: ClientOptions, database: &str) -> Result<Self> {
        let places = options.max_pool_size.unwrap_or(MAX_POOL_SIZE) as usize;
        let large = Client::with_options(for_large_documents(options.clone())).map_err(Failure::Before)?;
        let reachability = Reachability::new(options.clone()).map_err(Failure::Before)?;
        let client = Client::with_options(options).map_err(Failure::Before)?;
        Ok(Self {
            database: client.database(database),
            of_large_documents: large.database(database),
            places: Arc::new(Semaphore::new(places)),
            indexes: Arc::default(),
            turns: Arc::default(),
            reachability,
        })
    }

    /// The database itself, for what no method of [`super::Store`] does: explaining queries, dropping a test's data.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// The same store, for what reads and writes large documents.
    fn for_large_documents(&self) -> Self {
        Self { database: self.of_large_documents.clone(), ..self.clone() }
    }

    /// Creates the indexes if that did not happen yet. Calls that wait for an attempt share its outcome: each trying again in
    /// turn, the last of a crowd would wait for the sum of all timeouts while the server is down.
    async fn ensure_indexes(&self) -> Result<()> {
        let state = &self.indexes;
        if state.are_there.load(Ordering::Acquire) {
            return Ok(());
        }
        let seen = state.attempts.load(Ordering::Acquire);
        let mut failure = state.failure.lock().await;
        if state.are_there.load(Ordering::Acquire) {
            return Ok(());
        }
        if let Some(why) = failure.as_ref().filter(|_| state.attempts.load(Ordering::Acquire) != seen) {
            return Err(StoreError::Unavailable(why.clone()));
        }
        let database = self.database.clone();
        let deadline = Instant::now() + OPERATION_TIMEOUT;
        let creating = async move { indexes::create(&database).await.map_err(Failure::Before) }.boxed();
        let created = self.run_until(deadline, Arc::new(Gate::open()), creating).await;
        // An index is no change of the data.
        let created = created.map_err(|error| match error {
            StoreError::Unavailable(text) | StoreError::Unanswered(text) | StoreError::Corrupt(text) => text,
        });
        *failure = created.as_ref().err().cloned();
        state.are_there.store(created.is_ok(), Ordering::Release);
        state.attempts.fetch_add(1, Ordering::Release);
        created.map_err(StoreError::Unavailable)
    }

    /// Runs what an operator asks for, on a database as it is: without creating indexes before.
    async fn ask<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = mongodb::error::Result<T>> + Send + 'static,
    {
        let work = tokio::spawn(async move { work.await.map_err(Failure::Before) });
        let died = |died| StoreError::Corrupt(format!("a database task died: {died}"));
        Ok(work.await.map_err(died)??)
    }

    /// Runs the commands of a method that only reads: whatever fails, nothing has changed.
    fn read<T, F>(&self, work: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'static,
        F: Future<Output = mongodb::error::Result<T>> + Send + 'static,
    {
        self.change(Arc::new(Gate::open()), async move { work.await.map_err(Failure::Before) }.boxed())
    }

    /// Runs commands that write without a transaction: whatever fails, something may have changed.
    fn run<T, F>(&self, work: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'static,
        F: Future<Output = mongodb::error::Result<T>> + Send + 'static,
    {
        self.change(Arc::new(Gate::passed()), async move { Ok(work.await?) }.boxed())
    }

    /// Runs one method's commands. All of it, the wait for a place in the pool included, takes [`OPERATION_TIMEOUT`] at most.
    /// `gate`: what the work goes through before it sends what cannot be taken back.
    async fn change<T: Send + 'static>(&self, gate: Arc<Gate>, work: Work<T>) -> Result<T> {
        let deadline = Instant::now() + OPERATION_TIMEOUT;
        if !self.indexes.are_there.load(Ordering::Acquire) {
            let late = |_| StoreError::Unavailable("the indexes could not be created in time".to_owned());
            timeout_at(deadline, self.ensure_indexes().boxed()).await.map_err(late)??;
        }
        self.run_until(deadline, gate, work).await
    }

    /// Ends at once while the breaker is open, and when it opens. The commands run on a task of their own and are never dropped half way,
    /// also when the caller gives up waiting: the driver may otherwise lose the connection they use.
    async fn run_until<T: Send + 'static>(&self, deadline: Instant, gate: Arc<Gate>, work: Work<T>) -> Result<T> {
        let permit = self.reachability.acquire()?;
        let waiting = timeout(WAIT_QUEUE_TIMEOUT, Arc::clone(&self.places).acquire_owned());
        let Ok(Ok(place)) = self.reachability.unless_opened(&permit, waiting).await? else {
            return Err(StoreError::Unavailable("no connection of the pool became free in time".to_owned()));
        };
        let task = tokio::spawn(carried(async move {
            let done = work.await;
            drop(place);
            done
        }));
        let text = match self.reachability.wait(&permit, deadline, task).await {
            Ok(Ok(done)) => {
                self.reachability.record(&permit, done.as_ref().err().map(Failure::error));
                return Ok(done?);
            }
            Ok(Err(died)) => return Err(StoreError::Corrupt(format!("a database task died: {died}"))),
            Err(GivenUp::Late) => format!("{} s have passed", OPERATION_TIMEOUT.as_secs()),
            Err(GivenUp::Opened) => self.reachability.why(),
        };
        Err(if gate.close() { StoreError::Unavailable(text) } else { StoreError::Unanswered(text) })
    }

    /// A collection of which nothing is read that an election could take back.
    fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        let options = CollectionOptions::builder().read_concern(ReadConcern::majority()).build();
        self.database.collection_with_options(name, options)
    }

    /// A collection to be read in a snapshot, which is a read concern of its own and does not go before another one.
    fn in_snapshot<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.database.collection(name)
    }
}

/// The compressors of most connections, the preferred one first.
const FOR_SPEED: [Compressor; 3] =
    [Compressor::Snappy, Compressor::Zstd { level: None }, Compressor::Zlib { level: None }];
/// Row C3. Text becomes about as small with zstd as with zlib, and much smaller than with snappy (`tests/tests/mongo_limits.rs` prints it).
const FOR_SIZE: [Compressor; 3] =
    [Compressor::Zstd { level: None }, Compressor::Zlib { level: None }, Compressor::Snappy];
/// Connections for large documents that are open when nobody uses them: few ask for a module that no cache has.
const MIN_POOL_SIZE_FOR_LARGE_DOCUMENTS: u32 = 2;

/// As `options`, unless they name other compressors than [`configure`] does: then those are the operator's.
fn for_large_documents(mut options: ClientOptions) -> ClientOptions {
    if options.compressors.as_deref() == Some(&FOR_SPEED) {
        options.compressors = Some(FOR_SIZE.to_vec());
    }
    options.min_pool_size = options.min_pool_size.map(|size| size.min(MIN_POOL_SIZE_FOR_LARGE_DOCUMENTS));
    options
}

/// Sets what rows C1 to C3 ask for. What the URL says itself goes before, where it can be said there.
pub fn configure(options: &mut ClientOptions) {
    options.app_name.get_or_insert_with(|| "kairos-origin".to_owned());
    options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
    options.server_selection_timeout.get_or_insert(SERVER_SELECTION_TIMEOUT);
    options.max_pool_size.get_or_insert(MAX_POOL_SIZE);
    options.min_pool_size.get_or_insert(MIN_POOL_SIZE);
    options.max_idle_time.get_or_insert(MAX_IDLE);
    options.max_connecting.get_or_insert(MAX_CONNECTING);
    // The first of these that the server knows is used, and the driver compresses every message, however small: what zstd and zlib set up
    // for each costs more than a short one itself.
    options.compressors.get_or_insert_with(|| FOR_SPEED.to_vec());
    // An acknowledged write is on most members: no election can take it back (I-ONCE). Without a limit, a server that has lost
    // the others would let writes wait for ever, each with a connection.
    // Each read has its own.
    options.read_concern = None;
    options.write_concern.get_or_insert_with(|| {
        WriteConcern::builder().w(Acknowledgment::Majority).w_timeout(OPERATION_TIMEOUT).build()
    });
}
