//! What a rule found. Not how it is looked for.

use std::fmt;

use crate::tidy::sources::Source;

/// A broken rule: where, what, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Breach {
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) what: String,
    pub(super) remedy: &'static str,
}

impl Breach {
    pub(super) fn new(source: &Source, line: usize, what: impl Into<String>, remedy: &'static str) -> Self {
        Self { path: source.path.clone(), line, what: what.into(), remedy }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}: {}", self.path, self.line, self.what, self.remedy)
    }
}
