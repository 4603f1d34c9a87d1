//! The one thread that writes. Writes that wait at the same moment share a commit, hence a sync of the disk; each stands in a
//! savepoint of its own, and none is acknowledged before the commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::store_error;
use crate::store::{Result, StoreError};

/// Most writes in one commit.
const GROUP: usize = 128;
/// Most writes that may wait; the next ones wait for a place.
const QUEUE: usize = 1_024;

/// Runs in the group's transaction. What it returns is called with the outcome of the commit.
type Job = Box<dyn FnOnce(&mut Transaction<'_>) -> Acknowledge + Send>;
type Acknowledge = Box<dyn FnOnce(Result<()>) + Send>;

/// Sends writes to the thread.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    pub(super) fn start(mut connection: Connection) -> Result<Self> {
        let (jobs, mut waiting) = mpsc::channel::<Job>(QUEUE);
        let work = move || {
            let mut group = Vec::with_capacity(GROUP);
            while waiting.blocking_recv_many(&mut group, GROUP) > 0 {
                commit(&mut connection, group.drain(..));
            }
        };
        let started = thread::Builder::new().name("sqlite-writer".to_owned()).spawn(work);
        started.map_err(|error| StoreError::Unavailable(format!("cannot start the writer: {error}")))?;
        Ok(Self { jobs })
    }

    /// Runs `work` and waits until it is on disk. An error undoes what `work` did. When the caller gives up waiting, the
    /// write happens all the same.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |transaction| {
            // A defect in one write must not end the thread. The savepoint undoes what it did.
            let done = catch_unwind(AssertUnwindSafe(|| in_savepoint(transaction, work).map_err(store_error)));
            let done = done.unwrap_or_else(|_| Err(StoreError::Corrupt("the write panicked".to_owned())));
            Box::new(move |committed| {
                // Nobody there any more is no reason to undo it.
                let _ = sender.send(committed.and(done));
            })
        });
        let gone = || StoreError::Unavailable("the writer has stopped".to_owned());
        self.jobs.send(job).await.map_err(|_| gone())?;
        receiver.await.map_err(|_| gone())?
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

fn commit(connection: &mut Connection, group: impl Iterator<Item = Job>) {
    let mut acknowledgements = Vec::new();
    let committed = connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|mut transaction| {
        acknowledgements.extend(group.map(|job| job(&mut transaction)));
        transaction.commit()
    });
    let outcome = committed.map_err(|error| store_error(error).to_string());
    for acknowledge in acknowledgements {
        acknowledge(outcome.clone().map_err(StoreError::Unavailable));
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

        let broken = writer.write(move |connection| -> rusqlite::Result<()> {
            insert(connection)?;
            panic!("as a defect would");
        });
        // Both may be in one commit.
        let (broken, sound) = tokio::join!(broken, writer.write(insert));
        assert!(matches!(broken, Err(StoreError::Corrupt(_))), "{broken:?}");
        assert_eq!(sound.unwrap(), 1);
        assert_eq!(writer.write(count).await.unwrap(), 1, "only the sound one is kept");
    }
}
