//! The [`super::Store`] on MongoDB (driver 3.9, servers from 4.2): shared by any number of instances. Each concern has its file; all
//! of them go through `MongoStore::run`, which keeps rows C1 and C2 of the specification.
//!
//! Needs no replica set: what must happen together is one document, or is made to be repeated (`operations`).

mod accounts;
mod documents;
mod generations;
mod indexes;
mod learners;
mod modules;
mod operations;
mod sessions;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind, WriteFailure};
use mongodb::options::{Acknowledgment, ClientOptions, Compressor, WriteConcern};
use mongodb::{Client, Collection, Database};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Result, StoreError};

/// Row C1: the longest that opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Row C1: the longest that one method may take, however many commands it sends.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a method waits for a server that can take it: long enough for an election to end, short enough for a clear 503.
const SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// Row C2: most connections, least connections, how long one may be idle, and how long a method waits for one.
const MAX_POOL_SIZE: u32 = 200;
const MIN_POOL_SIZE: u32 = 20;
const MAX_IDLE: Duration = Duration::from_secs(60);
const WAIT_QUEUE_TIMEOUT: Duration = Duration::from_secs(5);
/// A cold pool opens this many at a time; the driver's own default of two makes the first requests wait.
const MAX_CONNECTING: u32 = 10;
/// The database when the URL names none.
const DEFAULT_DATABASE: &str = "kairos";

/// A MongoDB database as a store. Cheap to clone.
#[derive(Clone)]
pub struct MongoStore {
    database: Database,
    /// The driver has no wait-queue timeout: a place here is a connection of the pool.
    places: Arc<Semaphore>,
    indexes: Arc<IndexState>,
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
        let client = Client::with_options(options).map_err(store_error)?;
        Ok(Self {
            database: client.database(database),
            places: Arc::new(Semaphore::new(places)),
            indexes: Arc::default(),
        })
    }

    /// The database itself, for what no method of [`super::Store`] does: explaining queries, dropping a test's data.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
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
        let created = self.run_until(deadline, async move { indexes::create(&database).await }).await;
        *failure = created.as_ref().err().map(ToString::to_string);
        state.are_there.store(created.is_ok(), Ordering::Release);
        state.attempts.fetch_add(1, Ordering::Release);
        created
    }

    /// Runs one method's commands. All of it, the wait for a place in the pool included, takes [`OPERATION_TIMEOUT`] at most.
    async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = mongodb::error::Result<T>> + Send + 'static,
    {
        let deadline = Instant::now() + OPERATION_TIMEOUT;
        let late = |_| StoreError::Unavailable("the indexes could not be created in time".to_owned());
        timeout_at(deadline, self.ensure_indexes()).await.map_err(late)??;
        self.run_until(deadline, work).await
    }

    /// The commands run on a task of their own and are never dropped half way, also when the caller gives up waiting: the
    /// driver may otherwise lose the connection they use.
    async fn run_until<T, F>(&self, deadline: Instant, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = mongodb::error::Result<T>> + Send + 'static,
    {
        let waiting = timeout(WAIT_QUEUE_TIMEOUT, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = waiting else {
            return Err(StoreError::Unavailable("no connection of the pool became free in time".to_owned()));
        };
        let task = tokio::spawn(async move {
            let done = work.await;
            drop(place);
            done
        });
        match timeout_at(deadline, task).await {
            Ok(Ok(done)) => done.map_err(store_error),
            Ok(Err(died)) => Err(StoreError::Corrupt(format!("a database task died: {died}"))),
            Err(_) => Err(StoreError::Unanswered(format!("{} s have passed", OPERATION_TIMEOUT.as_secs()))),
        }
    }

    fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.database.collection(name)
    }
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
    // Row C3. The first of these that the server knows is used. Text becomes about as small with zstd as with zlib, and much
    // smaller than with snappy (`tests/tests/mongo_limits.rs` prints it).
    options.compressors.get_or_insert_with(|| {
        vec![Compressor::Zstd { level: None }, Compressor::Zlib { level: None }, Compressor::Snappy]
    });
    // An acknowledged write is on most members: no election can take it back (I-ONCE). Without a limit, a server that has lost
    // the others would let writes wait for ever, each with a connection.
    options.write_concern.get_or_insert_with(|| {
        WriteConcern::builder().w(Acknowledgment::Majority).w_timeout(OPERATION_TIMEOUT).build()
    });
}

/// The driver's message, without labels and the state of every server.
fn describe(error: &Error) -> String {
    let text = error.kind.to_string();
    text.split(" Topology:").next().unwrap_or_default().to_owned()
}

/// Sorts the driver's errors: those that another attempt may cure, and defects.
fn store_error(error: Error) -> StoreError {
    let text = describe(&error);
    match *error.kind {
        // The connection broke; the command may have been sent.
        ErrorKind::Io(_) => StoreError::Unanswered(text),
        ErrorKind::ServerSelection { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Authentication { .. }
        | ErrorKind::InvalidTlsConfig { .. }
        | ErrorKind::Shutdown
        // Ours: too much was going on, or it took too long.
        | ErrorKind::Custom(_) => StoreError::Unavailable(text),
        // Written, but not on most members in time.
        ErrorKind::Write(WriteFailure::WriteConcernError(_)) => StoreError::Unanswered(text),
        ErrorKind::InsertMany(ref many) if many.write_concern_error.is_some() => StoreError::Unanswered(text),
        // MaxTimeMSExpired, ExceededTimeLimit, WriteConcernFailed.
        ErrorKind::Command(ref e) if [50, 262, 64].contains(&e.code) => StoreError::Unanswered(text),
        _ if error.contains_label("RetryableWriteError") || error.contains_label("TransientTransactionError") => {
            StoreError::Unanswered(text)
        }
        // Not writable primary and its kin: an election is under way.
        ErrorKind::Command(ref e) if [10_107, 13_435, 11_602, 11_600, 189, 91, 10_058].contains(&e.code) => {
            StoreError::Unavailable(text)
        }
        _ => StoreError::Corrupt(text),
    }
}

/// MongoDB's code for a unique index that already has the key.
const DUPLICATE_KEY: i32 = 11_000;

/// Which documents of an `insert_many` were there before. Any other error stays one.
fn duplicates<T>(inserted: mongodb::error::Result<T>) -> mongodb::error::Result<Vec<usize>> {
    match inserted {
        Ok(_) => Ok(Vec::new()),
        Err(error) => match *error.kind {
            ErrorKind::InsertMany(ref many)
                if many.write_concern_error.is_none()
                    && many.write_errors.as_ref().is_some_and(|all| all.iter().all(|e| e.code == DUPLICATE_KEY)) =>
            {
                Ok(many.write_errors.iter().flatten().map(|e| e.index).collect())
            }
            _ => Err(error),
        },
    }
}

/// Whether a single write failed because its key is taken.
fn is_duplicate(error: &Error) -> bool {
    matches!(*error.kind, ErrorKind::Write(WriteFailure::WriteError(ref e)) if e.code == DUPLICATE_KEY)
}

/// `{field: 0, …}` for each of `fields`.
fn without(fields: &[&str]) -> Document {
    fields.iter().fold(doc! {}, |mut projection, field| {
        projection.insert(*field, 0);
        projection
    })
}
