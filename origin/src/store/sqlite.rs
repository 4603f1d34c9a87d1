//! The embedded [`super::Store`]: one SQLite file beside the process, for development, a single school, and tests. One thread writes
//! (`writer`), a few connections read (`readers`); WAL lets them work at the same time.
//!
//! Not for several instances: they would each need the file. That is what [`super::mongo`] is for.

mod accounts;
mod generations;
mod learners;
mod modules;
mod operations;
#[cfg(test)]
mod plans;
mod readers;
mod rows;
mod schema;
mod sessions;
mod store;
mod writer;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{Result, StoreError};
use readers::Readers;
use writer::Writer;

/// How long a connection waits for another process's write, such as an import's.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Statements kept prepared on each connection.
const PREPARED: usize = 64;

/// A SQLite file as a store. Cheap to clone; the file is closed with the last clone.
#[derive(Clone)]
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the file at `path`, creating it (and the folder it is in) when it is not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be read and written, or belongs to a newer release.
    pub fn open(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| cannot_open(path, &error))?;
        }
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        schema::migrate(&mut connection).map_err(|error| cannot_open(path, &error))?;
        let writer = Writer::start(connection)?;
        Ok(Self { writer, readers: Readers::open(path)? })
    }
}

fn cannot_open(path: &Path, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("cannot open {}: {why}", path.display()))
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let open = || {
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        // FULL, not NORMAL: an acknowledged write must survive a power cut too (I-ONCE). The writer commits in groups, so
        // that the price is paid once for many.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;",
        )?;
        Ok(connection)
    };
    open().map_err(|error: rusqlite::Error| cannot_open(path, &error))
}

/// Sorts SQLite's errors: those that may pass, and defects.
fn store_error(error: rusqlite::Error) -> StoreError {
    use ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory, PermissionDenied, ReadOnly, SystemIoFailure,
    };
    match error.sqlite_error_code() {
        Some(
            CannotOpen | DatabaseBusy | DatabaseLocked | DiskFull | OutOfMemory | PermissionDenied | ReadOnly
            | SystemIoFailure,
        ) => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Corrupt(error.to_string()),
    }
}

/// Whether a write failed because its key is taken.
fn is_duplicate(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}
