//! Bringing content and results in from files: a folder of Markdown ([`markdown`]) and the OULAD data set ([`oulad`]). Every
//! import can be run again: what is there already is left as it is, so one that was interrupted is finished by repeating it.
//!
//! Not here: the command line (`cli`), or how the store avoids doubles.

mod document;
pub mod markdown;
pub mod oulad;
mod rows;
mod summary;

use std::fmt;
use std::path::PathBuf;

use indicatif::ProgressBar;
use kairos_protocol::UnixMillis;
use kairos_protocol::sync::generation::Namespace;
use tokio::time::Instant;

use crate::cache::Cache;
use crate::store::{self, Store, StoreError, Versioned};

/// Where an import goes, and what it shows while it runs.
pub struct Target<'a> {
    /// Takes the data.
    pub store: &'a dyn Store,
    /// Hears of each batch, so that no instance that reaches it answers from an older state.
    pub cache: &'a Cache,
    /// The time that new modules and accounts get.
    pub now: UnixMillis,
    /// Moves with every file or row; hidden where nobody looks.
    pub bar: &'a ProgressBar,
}

impl Target<'_> {
    /// Runs one batch's write, announced to the caches.
    async fn write<T>(
        &self,
        namespaces: Vec<Namespace>,
        work: impl Future<Output = store::Result<Versioned<T>>>,
    ) -> Result<T, ImportError> {
        let began = Instant::now();
        match work.await {
            Ok(done) => {
                self.cache.announce(&done.generations, began).await;
                Ok(done.value)
            }
            Err(error) => {
                self.cache.invalidate(&namespaces).await;
                Err(error.into())
            }
        }
    }
}

/// What an import read and what it changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Modules that were read.
    pub modules: u64,
    /// Of these, added or changed now.
    pub modules_written: u64,
    /// Learners that were read.
    pub learners: u64,
    /// Of these, added now.
    pub learners_added: u64,
    /// Progress records that were read: pairs of learner and module.
    pub progress_records: u64,
    /// Of these, without a score.
    pub unscored: u64,
    /// Operations applied now; a record's are applied once.
    pub operations_applied: u64,
    /// Rows and files that were left out; everything else went in.
    pub bad_rows: Vec<BadRow>,
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The file that it is in.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub detail: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.detail)
    }
}

/// Why an import stopped. What went in before stays; running it again finishes the rest.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder has nothing to import.
    #[error("{} has no Markdown files (*.md)", _0.display())]
    Empty(PathBuf),
    /// A CSV file lacks a column.
    #[error("{}: the first line has no column `{column}`", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
