//! The one thread that writes. Writes that wait at the same moment share a commit, hence a sync of the disk; each has a
//! savepoint of its own, and none is acknowledged before the commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::connection::store_error;
use crate::store::timing::timed;
use crate::store::{Result, StoreError};

/// Most writes in one commit.
const GROUP: usize = 128;
/// Most writes that may wait; the next ones wait for a place.
const QUEUE: usize = 1_024;

/// Runs in the group's transaction, if there is one. What it returns is called with the outcome of the commit.
type Job = Box<dyn FnOnce(Result<&mut Transaction<'_>>) -> Acknowledge + Send>;
type Acknowledge = Box<dyn FnOnce(Result<()>) + Send>;

/// Sends writes to the thread, which has ended once the last of its clones is dropped.
#[derive(Clone)]
pub(super) struct Writer(Arc<Held>);

struct Held {
    /// `None` only while it is dropped.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(mut connection: Connection) -> Result<Self> {
        let (jobs, mut waiting) = mpsc::channel::<Job>(QUEUE);
        let work = move || {
            let mut group = Vec::with_capacity(GROUP);
            while waiting.blocking_recv_many(&mut group, GROUP) > 0 {
                let mut group = group.drain(..);
                while group.len() > 0 {
                    commit(&mut connection, &mut group);
                }
            }
        };
        let started = thread::Builder::new().name("sqlite-writer".to_owned()).spawn(work);
        let thread = started.map_err(|error| StoreError::Unavailable(format!("cannot start the writer: {error}")))?;
        Ok(Self(Arc::new(Held { jobs: Some(jobs), thread: Some(thread) })))
    }

    /// Runs `work` and waits until it is on disk; the time of both is recorded under `operation`. An error undoes what `work` did.
    /// When the caller gives up waiting, the write happens all the same.
    pub(super) async fn write<T, F>(&self, operation: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        timed(operation, self.run(work)).await
    }

    async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |transaction| {
            // A defect in one write must not end the thread. The savepoint undoes what it did.
            let done = transaction.and_then(|transaction| {
                let done = catch_unwind(AssertUnwindSafe(|| in_savepoint(transaction, work).map_err(store_error)));
                done.unwrap_or_else(|_| Err(StoreError::Corrupt("the write panicked".to_owned())))
            });
            Box::new(move |committed| {
                // Nobody there any more is no reason to undo it.
                let _ = sender.send(done.and_then(|value| committed.map(|()| value)));
            })
        });
        let gone = "the writer has stopped";
        let gone_before = || StoreError::Unavailable(gone.to_owned());
        let jobs = self.0.jobs.as_ref().ok_or_else(gone_before)?;
        jobs.send(job).await.map_err(|_| gone_before())?;
        receiver.await.map_err(|_| StoreError::Unanswered(gone.to_owned()))?
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // What waits is written; the thread ends when no more can come.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn in_savepoint<T>(
    transaction: &mut Transaction<'_>,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let savepoint = transaction.savepoint()?;
    let value = work(&savepoint)?;
    savepoint.commit()?;
    Ok(value)
}

/// Runs writes in one transaction: all that are left, or up to one with which SQLite gave the whole transaction up, as it does when
/// the disk is full. What was written with that one is undone with it; what comes after must not run outside of a transaction.
fn commit(connection: &mut Connection, group: &mut impl Iterator<Item = Job>) {
    let mut transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => {
            let why = error.to_string();
            // Nothing was begun.
            group.for_each(|job| job(Err(StoreError::Unavailable(why.clone())))(Ok(())));
            return;
        }
    };
    let mut acknowledgements = Vec::new();
    for job in group {
        acknowledgements.push(job(Ok(&mut transaction)));
        if transaction.is_autocommit() {
            break;
        }
    }
    let outcome = if transaction.is_autocommit() {
        Err(Failure { text: "undone with another write, which failed".to_owned(), is_certain: true })
    } else {
        transaction.commit().map_err(|error| Failure::of_commit(&error))
    };
    for acknowledge in acknowledgements {
        acknowledge(outcome.as_ref().map(|_| ()).map_err(Failure::to_error));
    }
}

/// Why a commit failed.
struct Failure {
    text: String,
    /// Whether nothing of it can be in the file.
    is_certain: bool,
}

impl Failure {
    /// A full disk never had room for the last frame, and without that a transaction is none. After any other error the frames may
    /// be there: this process undoes them, but should it end first, whoever opens the file next finds a whole transaction.
    fn of_commit(error: &rusqlite::Error) -> Self {
        Self { text: error.to_string(), is_certain: error.sqlite_error_code() == Some(ErrorCode::DiskFull) }
    }

    fn to_error(&self) -> StoreError {
        let text = self.text.clone();
        if self.is_certain { StoreError::Unavailable(text) } else { StoreError::Unanswered(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_write_that_panics_is_undone_and_the_next_ones_go_on() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (number INTEGER)").unwrap();
        let writer = Writer::start(connection).unwrap();
        let insert = |connection: &Connection| connection.execute("INSERT INTO t VALUES (1)", []);
        let count =
            |connection: &Connection| connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, u32>(0));

        let broken = writer.write("test", move |connection| -> rusqlite::Result<()> {
            insert(connection)?;
            panic!("as a defect would");
        });
        // Both may be in one commit.
        let (broken, sound) = tokio::join!(broken, writer.write("test", insert));
        assert!(matches!(broken, Err(StoreError::Corrupt(_))), "{broken:?}");
        assert_eq!(sound.unwrap(), 1);
        assert_eq!(writer.write("test", count).await.unwrap(), 1, "only the sound one is stored");
    }
    #[tokio::test]
    async fn a_write_that_fills_the_disk_undoes_none_that_is_acknowledged_and_stores_none_that_is_not() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (number INTEGER, text BLOB); PRAGMA max_page_count = 20").unwrap();
        let writer = Writer::start(connection).unwrap();
        let insert = |number: u32, bytes: u32| {
            move |c: &Connection| c.execute("INSERT INTO t VALUES (?, zeroblob(?))", [number, bytes]).map(|_| number)
        };
        // The first holds the writer up until the others wait behind it: they are one group.
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let held = writer.write("test", move |_| {
            let _ = wait.recv();
            Ok(0)
        });
        let group = async {
            let all = async {
                tokio::join!(
                    writer.write("test", insert(1, 10)),
                    writer.write("test", insert(2, 1_000_000)),
                    writer.write("test", insert(3, 10)),
                    writer.write("test", insert(4, 10)),
                )
            };
            let release = async { go.send(()).unwrap() };
            // Polled in this order: all four are in the queue before the writer goes on.
            tokio::join!(biased; all, release).0
        };
        let (_, (one, two, three, four)) = tokio::join!(held, group);
        assert!(matches!(two, Err(StoreError::Unavailable(_))), "{two:?}");
        let stored: Vec<u32> = writer
            .write("test", |c| {
                c.prepare("SELECT number FROM t ORDER BY number")?.query_map([], |row| row.get(0))?.collect()
            })
            .await
            .unwrap();
        let acknowledged: Vec<u32> = [one, three, four].into_iter().filter_map(Result::ok).collect();
        assert_eq!(stored, acknowledged);
        assert!(acknowledged.ends_with(&[3, 4]), "what came after is stored: {acknowledged:?}");
    }
}
