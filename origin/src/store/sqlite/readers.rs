//! The connections that read, each for one query at a time, on threads that may block.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;
use tokio::task;

use super::connection::{connect, store_error};
use crate::store::timing::timed;
use crate::store::{Result, StoreError};

/// More would only wait for the same disk and cores.
const CONNECTIONS: usize = 4;

#[derive(Clone)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self> {
        // Read and write, for the WAL's sake; `query_only` keeps them from writing.
        let open = |_| {
            let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            connection.pragma_update(None, "query_only", true).map_err(store_error)?;
            Ok(connection)
        };
        let idle = (0..CONNECTIONS).map(open).collect::<Result<Vec<_>>>()?;
        Ok(Self { places: Arc::new(Semaphore::new(idle.len())), idle: Arc::new(Mutex::new(idle)) })
    }

    /// Runs one query, with its time recorded under `operation`. It sees every write that was acknowledged before.
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
        let gone = || StoreError::Unavailable("the readers have stopped".to_owned());
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| gone())?;
        let idle = Arc::clone(&self.idle);
        let done = task::spawn_blocking(move || {
            let _place = place;
            let connection = idle.lock().pop().ok_or_else(gone)?;
            // A defect in one query must not cost its connection.
            let outcome = catch_unwind(AssertUnwindSafe(|| query(&connection).map_err(store_error)));
            idle.lock().push(connection);
            outcome.unwrap_or_else(|_| Err(StoreError::Corrupt("the query panicked".to_owned())))
        });
        done.await.map_err(|_| gone())?
    }
}
