//! The one thread that writes. Writes that wait at the same moment share a commit, hence a sync of the disk; each stands in a
//! savepoint of its own, and none is acknowledged before the commit.

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
            let done = in_savepoint(transaction, work);
            Box::new(move |committed| {
                // Nobody there any more is no reason to undo it.
                let _ = sender.send(committed.and(done.map_err(store_error)));
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
