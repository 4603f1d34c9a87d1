//! Laws of the progress reducer, for any operations: order, duplicates and batches do not matter, a status never goes back, and
//! extreme values neither panic nor make a difference.

#![expect(clippy::expect_used, reason = "what a test sets up is there, or the test fails")]

use std::collections::BTreeMap;

use kairos_protocol::api::ids::{OperationId, Slug};
use kairos_protocol::api::operation::{Action, Operation, PASS_SCORE};
use kairos_protocol::api::progress::{ProgressRecord, ProgressStatus, Statistics};
use kairos_protocol::sync::reducer::{apply, apply_all, statistics};
use proptest::prelude::*;

type Records = BTreeMap<Slug, ProgressRecord>;

fn reduce<'a>(operations: impl IntoIterator<Item = &'a Operation>) -> Records {
    let mut records = Records::new();
    apply_all(&mut records, operations);
    records
}

fn operation(id: &str, at_ms: i64, action: Action) -> Operation {
    let id = OperationId::new(id).expect("an operation id");
    Operation { id, module: Slug::new("m").expect("a slug"), at_ms, action }
}

/// Values that users produce, and the extremes that arithmetic trips over.
fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![0..5_i64, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Open {}),
        Just(Action::Complete {}),
        prop_oneof![1..1_000_u32, Just(u32::MAX)].prop_map(|seconds| Action::Study { seconds }),
        proptest::option::of(prop_oneof![0..=100_u8, any::<u8>()]).prop_map(|score| Action::Submit { score }),
    ]
}

/// Operations on three modules, each with its own id.
fn any_operations() -> impl Strategy<Value = Vec<Operation>> {
    proptest::collection::vec((0..3_u8, any_time(), any_action()), 0..24).prop_map(|list| {
        let numbered = list.into_iter().enumerate();
        numbered
            .map(|(index, (module, at_ms, action))| Operation {
                id: OperationId::new(format!("op-{index}")).expect("an operation id"),
                module: Slug::new(format!("m{module}")).expect("a slug"),
                at_ms,
                action,
            })
            .collect()
    })
}

/// Operations, and the same with some repeated, in another order.
fn with_another_order() -> impl Strategy<Value = (Vec<Operation>, Vec<Operation>)> {
    any_operations().prop_flat_map(|operations| {
        let repeats = proptest::sample::subsequence(operations.clone(), 0..=operations.len());
        (Just(operations), repeats).prop_flat_map(|(operations, repeats)| {
            let all: Vec<_> = operations.iter().chain(&repeats).cloned().collect();
            (Just(operations), Just(all).prop_shuffle())
        })
    })
}

proptest! {
    #[test]
    fn order_and_duplicates_do_not_matter((operations, shuffled) in with_another_order()) {
        prop_assert_eq!(reduce(&operations), reduce(&shuffled));
    }

    #[test]
    fn batches_do_not_matter(operations in any_operations(), size in 1..8_usize) {
        let mut records = Records::new();
        for batch in operations.chunks(size) {
            apply_all(&mut records, batch);
        }
        prop_assert_eq!(records, reduce(&operations));
    }

    #[test]
    fn modules_do_not_mix(operations in any_operations()) {
        let whole = reduce(&operations);
        for (slug, record) in &whole {
            prop_assert_eq!(slug, &record.module);
            let alone = reduce(operations.iter().filter(|o| &o.module == slug));
            prop_assert_eq!(alone.get(slug), Some(record));
            prop_assert_eq!(alone.len(), 1);
        }
    }

    #[test]
    fn nothing_ever_goes_back(operations in any_operations()) {
        let mut record = ProgressRecord::empty(Slug::new("m").expect("a slug"));
        for operation in &operations {
            let before = record.clone();
            apply(&mut record, operation);
            prop_assert!(record.status >= before.status && record.status > ProgressStatus::NotStarted);
            prop_assert!(record.best_score >= before.best_score);
            prop_assert!(record.time_spent_secs >= before.time_spent_secs);
            prop_assert!(record.attempts >= before.attempts);
            prop_assert!(record.updated_at_ms >= before.updated_at_ms);
            prop_assert!(record.last_score >= before.last_score);
            prop_assert_eq!(record.completed_at_ms.is_some(), record.status == ProgressStatus::Completed);
        }
    }

    #[test]
    fn statistics_are_the_sum_of_their_parts(operations in any_operations(), cut in 0..4_usize) {
        let records: Vec<_> = reduce(&operations).into_values().collect();
        let (head, tail) = records.split_at(cut.min(records.len()));
        let (one, other) = (statistics(head), statistics(tail));
        let sum = Statistics {
            modules: one.modules + other.modules,
            completed: one.completed + other.completed,
            in_progress: one.in_progress + other.in_progress,
            time_spent_secs: one.time_spent_secs + other.time_spent_secs,
            attempts: one.attempts + other.attempts,
            scored: one.scored + other.scored,
            score_sum: one.score_sum + other.score_sum,
            average_score: None,
        };
        let whole = statistics(&records);
        prop_assert_eq!(&statistics(records.iter().rev()), &whole);
        prop_assert_eq!(&sum.with_average(), &whole);
        prop_assert_eq!(whole.modules, whole.completed + whole.in_progress);
    }
}

#[test]
fn sums_that_overflow_stay_at_their_largest_in_any_order() {
    let study = operation("a", 0, Action::Study { seconds: u32::MAX });
    let submit = operation("b", 0, Action::Submit { score: None });
    let mut record = ProgressRecord::empty(study.module.clone());
    (record.time_spent_secs, record.attempts) = (u64::MAX - 1, u32::MAX);
    for next in [&study, &submit, &study] {
        apply(&mut record, next);
    }
    assert_eq!((record.time_spent_secs, record.attempts), (u64::MAX, u32::MAX));
    assert_eq!(statistics([&record, &record]).time_spent_secs, u64::MAX);
}

#[test]
fn one_learner_one_module_step_by_step() {
    let mut record = ProgressRecord::empty(Slug::new("m").expect("a slug"));
    assert_eq!(statistics([&record]).average_score, None);
    for next in [
        operation("a", 100, Action::Open {}),
        operation("b", 200, Action::Study { seconds: 60 }),
        operation("c", 300, Action::Submit { score: Some(30) }),
        operation("d", 250, Action::Submit { score: Some(39) }),
        operation("e", 310, Action::Submit { score: None }),
        operation("f", 400, Action::Complete {}),
        operation("g", 390, Action::Complete {}),
        operation("h", 500, Action::Open {}),
    ] {
        apply(&mut record, &next);
    }
    let last = record.last_score.clone().expect("a last score");
    assert_eq!((last.score, last.at_ms, last.operation.as_str()), (30, 300, "c"));
    assert_eq!((record.best_score, record.attempts, record.time_spent_secs), (Some(39), 3, 60));
    assert_eq!((record.status, record.completed_at_ms), (ProgressStatus::Completed, Some(390)));
    assert_eq!(record.updated_at_ms, 500);
    let sums = statistics([&record]);
    assert_eq!((sums.modules, sums.completed, sums.scored, sums.average_score), (1, 1, 1, Some(39.0)));
}

#[test]
fn a_passing_score_completes_the_module() {
    for (score, completed_at_ms) in [(None, None), (Some(PASS_SCORE - 1), None), (Some(PASS_SCORE), Some(7))] {
        let submit = operation("a", 7, Action::Submit { score });
        let mut record = ProgressRecord::empty(submit.module.clone());
        apply(&mut record, &submit);
        assert_eq!(record.completed_at_ms, completed_at_ms, "{score:?}");
        assert_eq!(record.status == ProgressStatus::Completed, completed_at_ms.is_some(), "{score:?}");
    }
}
