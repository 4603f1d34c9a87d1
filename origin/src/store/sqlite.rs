//! The embedded [`super::Store`]: one SQLite file beside the process, for development, a single school, and tests. One thread writes
//! (`writer`), a few connections read (`readers`); WAL lets them work at the same time.
//!
//! Not for several instances: they would each need the file. That is what [`super::mongo`] is for.

mod accounts;
mod catalog;
mod connection;
mod explain;
mod generations;
mod health;
mod keys;
mod operations;
#[cfg(test)]
mod plans;
mod progress;
mod readers;
mod rows;
mod schema;
mod sessions;
mod statements;
mod writer;

use std::path::Path;

use rusqlite::OpenFlags;

use super::Result;
use connection::{cannot_open, connect};
use readers::Readers;
use writer::Writer;

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
    /// [`super::StoreError::Unavailable`] when it cannot be read and written, or belongs to a newer release.
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
