//! Tests of the outbox as data: order, doubt, and which answers may be bases. Sending is tested in the browser.

use kairos_protocol::api::ids::{OperationId, Slug};
use kairos_protocol::api::operation::{Action, OperationResult, OperationResults, Outcome};
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::api::progress::ProgressRecord;

use super::*;

fn operation(id: &str) -> Operation {
    let module = Slug::new("m").unwrap();
    Operation { id: OperationId::new(id).unwrap(), module, at_ms: 1, action: Action::Open {} }
}

fn outbox(ids: &[&str]) -> Outbox {
    let mut outbox = Outbox::default();
    for id in ids {
        outbox.record(operation(id));
    }
    outbox
}

/// As read from what the origin writes.
fn verdict(id: Option<&str>, outcome: Outcome) -> OperationOutcome {
    let results = vec![OperationResult { id: id.map(str::to_owned), outcome }];
    let text = serde_json::to_string(&OperationResults { results }).unwrap();
    serde_json::from_str::<BatchResponse>(&text).unwrap().results.remove(0)
}

fn record() -> ProgressRecord {
    ProgressRecord::empty(Slug::new("m").unwrap())
}

fn applied(id: &str) -> OperationOutcome {
    verdict(Some(id), Outcome::Applied { record: record() })
}

fn rejected(id: &str) -> OperationOutcome {
    verdict(Some(id), Outcome::Rejected { problem: ProblemType::UnknownModule.with_detail("") })
}

fn ids<'a>(operations: impl IntoIterator<Item = &'a Operation>) -> Vec<&'a str> {
    operations.into_iter().map(|operation| operation.id.as_str()).collect()
}

#[test]
fn batches_are_in_order_and_bounded() {
    let mut outbox = outbox(&["a", "b", "c"]);
    let mut begin = |from| {
        let batch = outbox.begin_batch(from, 2);
        (batch.iter().map(|p| p.operation.id.as_str().to_owned()).collect::<Vec<_>>(), batch.last().map(|p| p.position))
    };
    assert_eq!(begin(0), (vec!["a".to_owned(), "b".to_owned()], Some(1)));
    assert_eq!(begin(0), (vec!["a".to_owned(), "b".to_owned()], Some(1)), "unconfirmed ones come again, first");
    assert_eq!(begin(2), (vec!["c".to_owned()], Some(2)), "what was passed over waits for the next round");
    assert_eq!(begin(3), (vec![], None));
    assert_eq!(outbox.pending.iter().map(|p| p.attempts).collect::<Vec<_>>(), [2, 2, 1]);
}

#[test]
fn only_what_the_origin_named_leaves_the_queue() {
    let mut outbox = outbox(&["a", "b", "c"]);
    let batch = outbox.begin_batch(0, 3);
    let nameless = verdict(None, Outcome::Applied { record: record() });
    let again = verdict(Some("a"), Outcome::Duplicate { record: record() });
    outbox.apply_results(&[rejected("b"), applied("other"), again, applied("a"), nameless]);
    assert_eq!(outbox.waiting(&batch), 1);
    assert_eq!(ids(outbox.pending.iter().map(|p| &p.operation)), ["c"]);
    assert_eq!(ids(outbox.rejected.iter().map(|r| &r.operation)), ["b"]);
    assert_eq!(ids(&outbox.since(0)), ["a", "c"], "what was refused is not shown as done");
}

#[test]
fn an_answer_is_no_base_while_anything_is_in_doubt_or_was_confirmed_meanwhile() {
    let mut outbox = outbox(&["a"]);
    assert!(outbox.accept("stats", 0), "never sent, so not included");
    outbox.begin_batch(0, 9);
    assert!(!outbox.accept("stats", 0), "in doubt");
    outbox.apply_results(&[applied("a")]);
    assert!(!outbox.accept("stats", 0), "confirmed while the answer was on its way");
    assert!(outbox.accept("stats", 1));
    assert!(outbox.since(1).is_empty());
}

#[test]
fn confirmed_operations_stay_until_every_base_includes_them() {
    let mut outbox = outbox(&["a", "b"]);
    assert!(outbox.accept("stats", 0) && outbox.accept("history", 0));
    outbox.begin_batch(0, 9);
    outbox.apply_results(&[applied("a")]);
    outbox.apply_results(&[applied("b")]);
    assert!(outbox.accept("stats", 2));
    assert_eq!(ids(&outbox.since(0)), ["a", "b"], "the history still lacks them");
    assert_eq!(ids(&outbox.confirmed_between(1, 2)), ["b"]);
    assert!(outbox.accept("history", 2));
    assert!(outbox.since(0).is_empty());
    assert!(!outbox.reaches_back_to(0) && outbox.reaches_back_to(2));
}

#[test]
fn a_long_journal_gives_up_the_oldest_base_only_for_a_newer_one() {
    let mut outbox = Outbox::default();
    assert!(outbox.accept("old page", 0) && outbox.accept("stats", 0));
    for n in 0..=LONGEST_JOURNAL {
        let id = format!("op{n}");
        outbox.record(operation(&id));
        outbox.begin_batch(0, 1);
        outbox.apply_results(&[applied(&id)]);
    }
    assert_eq!(outbox.since(0).len(), LONGEST_JOURNAL + 1, "nothing newer has come: all are needed");
    assert!(outbox.accept("stats", outbox.sequence));
    assert!(!outbox.reaches_back_to(0));
    assert!(outbox.reaches_back_to(outbox.sequence));
}

#[test]
fn what_is_kept_apart_from_its_rows_comes_back() {
    let mut outbox = outbox(&["a", "b"]);
    outbox.begin_batch(0, 1);
    outbox.apply_results(&[applied("a")]);
    outbox.seen = Generations::parse("user.x=4");
    let mut read: Outbox = serde_json::from_str(&serde_json::to_string(&outbox).unwrap()).unwrap();
    assert!(read.pending.is_empty());
    read.pending.clone_from(&outbox.pending);
    assert_eq!(read, outbox);
    read.pending.clear();
    read.record(operation("c"));
    assert_eq!(read.pending[0].position, 2, "positions are never given twice");
}
