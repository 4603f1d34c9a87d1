//! The embedded [`super::Store`]: one SQLite file beside the process, for development, a single school, and tests. One thread writes
//! (`writer`), a few connections read (`readers`); WAL lets them work at the same time.
//!
//! Not for several instances: they would each need the file. That is what [`super::mongo`] is for.

mod accounts;
pub mod backup;
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
pub mod restore;
mod rows;
mod schema;
mod sessions;
mod statements;
mod writer;

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rusqlite::OpenFlags;

use super::Result;
use connection::{cannot_open, connect};
use readers::Readers;
use writer::Writer;

/// A SQLite file as a store. Cheap to clone; the file is closed with the last clone.
#[derive(Clone)]
pub struct SqliteStore {
    readers: Readers,
    /// Dropped after the readers: the last connection takes the log into the file, if it is alone.
    writer: Writer,
}

impl SqliteStore {
    /// Opens the file at `path`, creating it (and the folder it is in) when it is not there. One of an older release becomes one of
    /// this, after a backup of it is made beside it, as `<path>.before-v<N>`.
    ///
    /// # Errors
    /// [`super::StoreError::Unavailable`] when it cannot be read and written, belongs to a newer release, or cannot be backed up before
    /// it is changed.
    pub fn open(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| cannot_open(path, &error))?;
        }
        let there = identity(path);
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        let there = there.or_else(|| identity(path));
        let back_up = |to: usize| backup::before_migration(path, to);
        schema::migrate(&mut connection, back_up).map_err(|error| cannot_open(path, &error))?;
        let writer = Writer::start(connection)?;
        let readers = Readers::open(path)?;
        // What was opened may be the file that `restore` has set aside.
        if identity(path) != there {
            return Err(cannot_open(path, &"it was replaced meanwhile; start again"));
        }
        Ok(Self { writer, readers })
    }

    /// The number that a restore gave to every namespace; 0 if the file was never restored. What was known of the numbers outside of the
    /// file before, such as in Redis, is of another file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn restored_at(&self) -> Result<u64> {
        self.readers.read("generations.floor", restore::floor).await
    }
}

/// Which file is at `path`, whatever it is called later.
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
