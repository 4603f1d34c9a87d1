//! Why the service does not do what it was asked: a [`Problem`] for the caller and a cause for the log. Not here: what that looks like
//! as a response ([`crate::error`]).

use kairos_protocol::api::problem::{Problem, ProblemType};
use kairos_protocol::sync::generation::Generations;

use crate::store::StoreError;

/// Why something is not done as asked.
#[derive(Clone, Debug)]
pub struct DomainError {
    /// What the caller is told.
    pub problem: Problem,
    /// What the log is told besides; never sent.
    pub cause: Option<String>,
    /// What was asked for may have been done all the same, or may yet be.
    pub may_have_happened: bool,
    /// Of a write that the store refused: the state that it was refused for. Whoever reads next must see at least that.
    pub generations: Generations,
    /// Seconds after which to try again, where that is known better than by the problem's type.
    pub retry_after_secs: Option<u32>,
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, DomainError>;

impl From<Problem> for DomainError {
    fn from(problem: Problem) -> Self {
        let generations = Generations::default();
        Self { problem, cause: None, may_have_happened: false, generations, retry_after_secs: None }
    }
}

impl From<ProblemType> for DomainError {
    fn from(kind: ProblemType) -> Self {
        kind.with_detail("").into()
    }
}

impl From<StoreError> for DomainError {
    fn from(error: StoreError) -> Self {
        metrics::counter!("kairos_store_failures_total", "kind" => error.kind()).increment(1);
        let problem = match &error {
            StoreError::Unavailable(_) | StoreError::Unanswered(_) => {
                ProblemType::Unavailable.with_detail("The database cannot be reached. Try again in a few seconds.")
            }
            StoreError::Corrupt(_) => ProblemType::Internal.with_detail("The log has the details."),
        };
        Self { may_have_happened: error.may_have_happened(), ..Self::logged(problem, error.to_string()) }
    }
}

impl DomainError {
    /// A problem, and what only the log is told of it.
    #[must_use]
    pub fn logged(problem: Problem, cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..problem.into() }
    }

    /// A write refused by the store in the state that `generations` name.
    #[must_use]
    pub fn refused(problem: Problem, generations: Generations) -> Self {
        Self { generations, ..problem.into() }
    }

    /// A problem that is none any more in `secs` seconds.
    #[must_use]
    pub fn retry_later(problem: Problem, secs: u32) -> Self {
        Self { retry_after_secs: Some(secs), ..problem.into() }
    }

    /// A problem whose cause only the log is told.
    #[must_use]
    pub fn with_cause(kind: ProblemType, cause: impl Into<String>) -> Self {
        Self::logged(kind.with_detail("The log has the details."), cause)
    }
}
