//! Notes of what was last done with success, and of when: what is up to date is not done again. Cargo keeps its own.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::workspace;

/// A file named after what was done, that holds how.
pub(crate) struct Stamp {
    path: PathBuf,
    manner: &'static str,
}

impl Stamp {
    /// `manner` is what the outcome depends on besides files.
    pub(crate) fn new(what: &str, manner: &'static str) -> Self {
        Self { path: workspace::target().join("built").join(what), manner }
    }

    /// Whether it was never done, done in another manner, or done before one of `inputs` last changed.
    ///
    /// # Errors
    /// A file cannot be looked at.
    pub(crate) fn is_stale(&self, inputs: &[PathBuf]) -> Result<bool> {
        let is_other = fs::read_to_string(&self.path).map_or(true, |manner| manner != self.manner);
        Ok(is_other || workspace::is_stale(&self.path, inputs)?)
    }

    /// Does it, and notes that when it succeeds.
    ///
    /// # Errors
    /// `work` failed, or the note cannot be written.
    pub(crate) fn renew(&self, work: impl FnOnce() -> Result<()>) -> Result<()> {
        let cannot_write = || format!("cannot write {}", self.path.display());
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).with_context(cannot_write)?;
        }
        // The time that counts is that of the start: what is edited meanwhile is done the next time.
        let started = self.path.with_extension("started");
        fs::write(&started, self.manner).with_context(cannot_write)?;
        work()?;
        fs::rename(&started, &self.path).with_context(cannot_write)
    }
}
