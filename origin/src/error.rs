//! The one error type at the HTTP surface: a [`Problem`] for the caller and a cause for the log. Logged once, where it becomes a
//! response. Not here: what goes wrong in the store ([`crate::store::StoreError`]).

use kairos_protocol::problem::{Problem, ProblemType};

use crate::store::StoreError;

/// Why a request is not answered as asked.
#[derive(Clone, Debug)]
pub struct AppError {
    /// What the caller is told.
    pub problem: Problem,
    /// What the log is told besides; never sent.
    pub cause: Option<String>,
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, AppError>;

impl From<Problem> for AppError {
    fn from(problem: Problem) -> Self {
        Self { problem, cause: None }
    }
}

impl From<ProblemType> for AppError {
    fn from(kind: ProblemType) -> Self {
        kind.with_detail("").into()
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        let problem = match &error {
            StoreError::Unavailable(_) | StoreError::Timeout(_) => {
                ProblemType::Unavailable.with_detail("The database cannot be reached. Try again in a few seconds.")
            }
            StoreError::Corrupt(_) => ProblemType::Internal.with_detail("The log has the details."),
        };
        Self { problem, cause: Some(error.to_string()) }
    }
}
