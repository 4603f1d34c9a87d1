//! Why a store did not do what it was asked, and whether it may have done it all the same. What callers are told of it is not here.

/// Why the store did not do what it was asked. Nothing was changed, except where [`StoreError::may_have_happened`] says so.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or refuses; trying again later may help. A write surely did not happen, and will not.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// It was asked and did not answer: too late, or the connection broke. A write may have happened, or may yet: writes are
    /// made so that repeating them is harmless.
    #[error("the store did not answer: {0}")]
    Unanswered(String),
    /// It answered with something that makes no sense: a defect, or data changed by other hands.
    #[error("the store is in a state that should not be: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// As a label of metrics.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Unanswered(_) => "unanswered",
            Self::Corrupt(_) => "corrupt",
        }
    }

    /// Whether a write that failed so may have happened all the same, or may yet.
    #[must_use]
    pub const fn may_have_happened(&self) -> bool {
        !matches!(self, Self::Unavailable(_))
    }
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, StoreError>;
