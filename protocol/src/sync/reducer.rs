//! The progress reducer: what operations do to records, and records to statistics. The origin and the browser run this same
//! code, so what a learner sees offline is what the origin will say.
//!
//! Merging does not depend on order: status by lattice, best score by maximum, time and attempts by sum, the last score by
//! (time, operation id). Not here: where records are kept, or whether an operation was seen in an earlier batch.

use std::collections::{BTreeMap, BTreeSet};

use crate::UnixMillis;
use crate::api::ids::Slug;
use crate::api::operation::{Action, Operation, PASS_SCORE};
use crate::api::progress::{LastScore, ProgressRecord, ProgressStatus, Statistics};

/// Applies one operation to the record of its module. The caller makes sure that it was not applied before.
pub fn apply(record: &mut ProgressRecord, operation: &Operation) {
    record.status = record.status.max(ProgressStatus::InProgress);
    record.updated_at_ms = record.updated_at_ms.max(operation.at_ms);
    match &operation.action {
        Action::Open {} => {}
        Action::Study { seconds } => record.time_spent_secs = record.time_spent_secs.saturating_add((*seconds).into()),
        Action::Submit { score } => {
            record.attempts = record.attempts.saturating_add(1);
            if let Some(score) = *score {
                record.best_score = record.best_score.max(Some(score));
                let last = LastScore { at_ms: operation.at_ms, operation: operation.id.clone(), score };
                record.last_score = record.last_score.take().max(Some(last));
                if score >= PASS_SCORE {
                    complete(record, operation.at_ms);
                }
            }
        }
        Action::Complete {} => complete(record, operation.at_ms),
    }
}

fn complete(record: &mut ProgressRecord, at_ms: UnixMillis) {
    record.status = ProgressStatus::Completed;
    record.completed_at_ms = Some(record.completed_at_ms.map_or(at_ms, |earliest| earliest.min(at_ms)));
}

/// Applies operations to records; those whose id came before in `operations` are left out. Records that do not exist yet are
/// made.
pub fn apply_all<'a>(
    records: &mut BTreeMap<Slug, ProgressRecord>,
    operations: impl IntoIterator<Item = &'a Operation>,
) {
    let mut seen = BTreeSet::new();
    for operation in operations {
        if seen.insert(&operation.id) {
            let module = &operation.module;
            let record = records.entry(module.clone()).or_insert_with(|| ProgressRecord::empty(module.clone()));
            apply(record, operation);
        }
    }
}

/// Statistics over one learner's records.
#[must_use]
pub fn statistics<'a>(records: impl IntoIterator<Item = &'a ProgressRecord>) -> Statistics {
    let mut sum = Statistics::default();
    for record in records {
        sum.modules += 1;
        sum.completed += u64::from(record.status == ProgressStatus::Completed);
        sum.in_progress += u64::from(record.status == ProgressStatus::InProgress);
        sum.time_spent_secs = sum.time_spent_secs.saturating_add(record.time_spent_secs);
        sum.attempts += u64::from(record.attempts);
        sum.scored += u64::from(record.best_score.is_some());
        sum.score_sum += u64::from(record.best_score.unwrap_or(0));
    }
    sum.with_average()
}
