//! A connection to the file, and what its errors mean. Not who uses it: one writes (`writer`), a few read (`readers`).

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::store::{Result, StoreError};

/// How long a connection waits for another process's write, such as an import's.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Most statements that stay prepared on each connection.
const MAX_PREPARED: usize = 64;

pub(super) fn cannot_open(path: &Path, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("cannot open {}: {why}", path.display()))
}

pub(super) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let open = || {
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(MAX_PREPARED);
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
pub(super) fn store_error(error: rusqlite::Error) -> StoreError {
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
pub(super) fn is_duplicate(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}
