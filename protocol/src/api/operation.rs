//! Wire types of a learner's operations: what was done, and what became of each. Not what they do to a record
//! ([`crate::sync::reducer`]).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::UnixMillis;
use crate::api::ids::{OperationId, Slug};
use crate::api::problem::Problem;
use crate::api::progress::ProgressRecord;

/// Most operations in one batch.
pub const MAX_BATCH: usize = 100;
/// Most seconds one [`Action::Study`] may claim: a day.
pub const MAX_STUDY_SECS: u32 = 86_400;
/// The least score with which a submission completes its module, in percent.
pub const PASS_SCORE: u8 = 40;
/// The best score there is, in percent.
pub const MAX_SCORE: u8 = 100;

/// Something a learner did, recorded where it happened, applied once wherever it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Made before the first attempt to send; the same for every replay.
    pub id: OperationId,
    /// The module it was done in.
    pub module: Slug,
    /// When, by the recorder's clock. The origin takes its own time instead where this lies in the future.
    #[cfg_attr(feature = "openapi", schemars(range(min = 0)))]
    pub at_ms: UnixMillis,
    /// What was done.
    pub action: Action,
}

/// What a learner can do in a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Opened it: it is at least in progress.
    Open {},
    /// Spent time on it.
    Study {
        /// Seconds.
        #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = MAX_STUDY_SECS)))]
        seconds: u32,
    },
    /// Handed in work. A good score completes the module.
    Submit {
        /// Percent; absent when it was not scored. [`PASS_SCORE`] or more completes the module.
        #[cfg_attr(feature = "openapi", schemars(range(max = MAX_SCORE), extend("description" = score_description())))]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        score: Option<u8>,
    },
    /// Finished it. Completed stays completed.
    Complete {},
}

#[cfg(feature = "openapi")]
fn score_description() -> String {
    format!("Percent; absent when it was not scored. {PASS_SCORE} or more completes the module.")
}

impl Action {
    /// The action's name, as `kind` on the wire and in the history.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Open {} => "open",
            Self::Study { .. } => "study",
            Self::Submit { .. } => "submit",
            Self::Complete {} => "complete",
        }
    }

    /// What is wrong with the values, or `None`.
    #[must_use]
    pub fn violation(&self) -> Option<String> {
        match self {
            Self::Study { seconds } if *seconds == 0 || *seconds > MAX_STUDY_SECS => {
                Some(format!("seconds must be 1 to {MAX_STUDY_SECS}"))
            }
            Self::Submit { score: Some(score) } if *score > MAX_SCORE => {
                Some(format!("score must be 0 to {MAX_SCORE}"))
            }
            _ => None,
        }
    }
}

/// Body of `POST /v1/me/operations`. Each operation is accepted or rejected by itself, so they are read one by one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OperationBatch {
    /// In the order they were done.
    // Text still: of JSON only the grammar has been checked.
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<SentOperation>", length(min = 1, max = MAX_BATCH)))]
    pub operations: Vec<Box<RawValue>>,
}

/// What is no operation is rejected by itself.
#[cfg(feature = "openapi")]
#[derive(schemars::JsonSchema)]
#[schemars(inline, untagged)]
#[expect(dead_code, reason = "only its schema is wanted")]
enum SentOperation {
    Operation(Operation),
    Other(serde_json::Value),
}

/// What became of one operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Applied now; the record as it is after the batch.
    Applied {
        /// The record.
        record: ProgressRecord,
    },
    /// Applied before under this id; the record as it is now.
    Duplicate {
        /// The record.
        record: ProgressRecord,
    },
    /// Does not count: not to be sent again as it is.
    Rejected {
        /// Why.
        problem: Problem,
    },
}

/// One line of the response to a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(transform = crate::api::schema::spread_result))]
pub struct OperationResult {
    /// The operation's id as it was sent; absent when it had none that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Response to `POST /v1/me/operations`: one result per operation, in the order they were sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct OperationResults {
    /// The results.
    pub results: Vec<OperationResult>,
}
