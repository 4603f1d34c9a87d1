//! Wire types of progress: a learner's record in one module, and statistics over all of them. Not what changes them
//! ([`crate::sync::reducer`]).

use serde::{Deserialize, Serialize};

use crate::UnixMillis;
use crate::api::ids::{OperationId, Slug};

/// How far a learner is. The order is the lattice that merges follow: a status only ever grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProgressStatus {
    /// No operation yet.
    #[default]
    NotStarted,
    /// At least one operation.
    InProgress,
    /// Finished at least once.
    Completed,
}

impl ProgressStatus {
    /// As on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
        }
    }

    /// The reverse of [`ProgressStatus::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::NotStarted, Self::InProgress, Self::Completed].into_iter().find(|s| s.as_str() == text)
    }
}

/// The newest scored submission: newest by time, then by operation id, so that the order of arrival does not matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct LastScore {
    /// When it was handed in.
    #[cfg_attr(feature = "openapi", schemars(with = "crate::api::schema::Millis"))]
    pub at_ms: UnixMillis,
    /// By which operation.
    pub operation: OperationId,
    /// Percent.
    #[cfg_attr(feature = "openapi", schemars(range(max = crate::api::operation::MAX_SCORE)))]
    pub score: u8,
}

/// A learner's progress in one module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ProgressRecord {
    /// The module.
    pub module: Slug,
    /// How far.
    pub status: ProgressStatus,
    /// Best score so far, percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(max = crate::api::operation::MAX_SCORE)))]
    pub best_score: Option<u8>,
    /// Newest scored submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_score: Option<LastScore>,
    /// Seconds spent.
    pub time_spent_secs: u64,
    /// Submissions handed in, scored or not.
    pub attempts: u32,
    /// Time of the newest operation.
    #[cfg_attr(feature = "openapi", schemars(with = "crate::api::schema::Millis"))]
    pub updated_at_ms: UnixMillis,
    /// Time of the earliest completion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "crate::api::schema::Millis"))]
    pub completed_at_ms: Option<UnixMillis>,
}

impl ProgressRecord {
    /// The record before the first operation.
    #[must_use]
    pub fn empty(module: Slug) -> Self {
        Self {
            module,
            status: ProgressStatus::NotStarted,
            best_score: None,
            last_score: None,
            time_spent_secs: 0,
            attempts: 0,
            updated_at_ms: 0,
            completed_at_ms: None,
        }
    }
}

/// Statistics over all of a learner's records. Sums are integers, so every tier computes the same average.
// Row Q1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Statistics {
    /// Modules with a record.
    pub modules: u64,
    /// Of these, completed.
    pub completed: u64,
    /// Of these, in progress.
    pub in_progress: u64,
    /// Seconds spent in all of them.
    pub time_spent_secs: u64,
    /// Submissions in all of them.
    pub attempts: u64,
    /// Modules with a best score.
    pub scored: u64,
    /// Sum of the best scores.
    pub score_sum: u64,
    /// `score_sum / scored`; absent when nothing was scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 0, max = crate::api::operation::MAX_SCORE)))]
    pub average_score: Option<f64>,
}

impl Statistics {
    /// The same with `average_score` computed from the sums.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "sums of scores stay far below 2^53")]
    pub fn with_average(mut self) -> Self {
        self.average_score = (self.scored > 0).then(|| self.score_sum as f64 / self.scored as f64);
        self
    }
}
