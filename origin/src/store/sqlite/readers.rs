//! The connections that read, each on a thread of its own that may block: one query at a time, from one queue. Threads that find the next
//! query waiting need not be woken for it, which costs more than most queries.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

use super::connection::{connect, store_error};
use crate::store::timing::timed;
use crate::store::{Result, StoreError};

/// More would only wait for the same disk and cores.
const CONNECTIONS: usize = 4;
/// Queries that may wait; the next ones are refused.
const QUEUE: usize = 4_096;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// Sends queries to the threads, which have ended once the last of its clones is dropped.
#[derive(Clone)]
pub(super) struct Readers(Arc<Held>);

struct Held {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    idle: usize,
    is_closed: bool,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let shared = Arc::new(Shared { queue: Mutex::default(), filled: Condvar::new() });
        let mut held = Held { shared: Arc::clone(&shared), threads: Vec::with_capacity(CONNECTIONS) };
        for _ in 0..CONNECTIONS {
            // Read and write, for the WAL's sake; `query_only` keeps them from writing.
            let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            connection.pragma_update(None, "query_only", true).map_err(store_error)?;
            let shared = Arc::clone(&shared);
            let started = thread::Builder::new()
                .name("sqlite-reader".to_owned())
                .spawn(move || std::iter::from_fn(|| shared.next()).for_each(|job| job(&connection)));
            held.threads
                .push(started.map_err(|error| StoreError::Unavailable(format!("cannot start a reader: {error}")))?);
        }
        Ok(Self(Arc::new(held)))
    }

    /// Runs one query, the `operation` of that name. It sees every write that was acknowledged before.
    ///
    /// # Errors
    /// Those of `query`; [`StoreError::Unavailable`] when more queries wait than can be answered soon.
    pub(super) async fn read<T, F>(&self, operation: &'static str, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        timed(operation, self.run(query)).await
    }

    async fn run<T, F>(&self, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job = move |connection: &Connection| {
            if sender.is_closed() {
                return;
            }
            // A defect in one query must not cost its connection.
            let outcome = catch_unwind(AssertUnwindSafe(|| query(connection).map_err(store_error)));
            let outcome = outcome.unwrap_or_else(|_| Err(StoreError::Corrupt("the query panicked".to_owned())));
            // Who asked may have gone meanwhile.
            let _ = sender.send(outcome);
        };
        if !self.0.shared.add(Box::new(job)) {
            return Err(StoreError::Unavailable("too many queries wait for the database".to_owned()));
        }
        receiver.await.map_err(|_| StoreError::Unavailable("the readers have stopped".to_owned()))?
    }
}

impl Shared {
    /// Whether there was room for it.
    fn add(&self, job: Job) -> bool {
        let mut queue = self.queue.lock();
        if queue.jobs.len() >= QUEUE {
            return false;
        }
        queue.jobs.push_back(job);
        if queue.idle > 0 {
            self.filled.notify_one();
        }
        true
    }

    /// The next job, once there is one; `None` when no more will come.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.is_closed {
                return None;
            }
            queue.idle += 1;
            self.filled.wait(&mut queue);
            queue.idle -= 1;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.queue.lock().is_closed = true;
        self.shared.filled.notify_all();
        for thread in self.threads.drain(..) {
            // One that panicked is gone too.
            let _ = thread.join();
        }
    }
}
