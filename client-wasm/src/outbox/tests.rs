//! Tests of the outbox as data: order, what is unconfirmed, which responses may be bases, and what older disks hold. Sending is
//! tested in the browser.

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
fn outcome_of(id: Option<&str>, outcome: Outcome) -> OperationOutcome {
    let results = vec![OperationResult { id: id.map(str::to_owned), outcome }];
    let text = serde_json::to_string(&OperationResults { results }).unwrap();
    serde_json::from_str::<BatchResponse>(&text).unwrap().results.remove(0)
}

fn record() -> ProgressRecord {
    ProgressRecord::empty(Slug::new("m").unwrap())
}

fn applied(id: &str) -> OperationOutcome {
    outcome_of(Some(id), Outcome::Applied { record: record() })
}

fn rejected(id: &str) -> OperationOutcome {
    outcome_of(Some(id), Outcome::Rejected { problem: ProblemType::UnknownModule.with_detail("") })
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
    let nameless = outcome_of(None, Outcome::Applied { record: record() });
    let again = outcome_of(Some("a"), Outcome::Duplicate { record: record() });
    outbox.apply_results(&[rejected("b"), applied("other"), again, applied("a"), nameless]);
    assert_eq!(outbox.waiting(&batch), 1);
    assert_eq!(ids(outbox.pending.iter().map(|p| &p.operation)), ["c"]);
    assert_eq!(ids(outbox.rejected.iter().map(|r| &r.operation)), ["b"]);
    assert_eq!(ids(&outbox.since(0)), ["a", "c"], "what was rejected is not shown as done");
}

#[test]
fn a_response_is_no_base_while_anything_is_unconfirmed_or_was_confirmed_meanwhile() {
    let mut outbox = outbox(&["a"]);
    assert_eq!(outbox.set_base("stats", 0), Base::Known, "never sent, so not included");
    outbox.begin_batch(0, 9);
    assert_eq!(outbox.set_base("stats", 0), Base::Unknown, "sent, and not confirmed");
    outbox.apply_results(&[applied("a")]);
    assert_eq!(outbox.set_base("stats", 0), Base::Unknown, "confirmed while the response was on its way");
    assert_eq!(outbox.set_base("stats", 1), Base::Known);
    assert!(outbox.since(1).is_empty());
}

#[test]
fn confirmed_operations_stay_until_every_base_includes_them() {
    let mut outbox = outbox(&["a", "b"]);
    assert_eq!([outbox.set_base("stats", 0), outbox.set_base("history", 0)], [Base::Known; 2]);
    outbox.begin_batch(0, 9);
    outbox.apply_results(&[applied("a")]);
    outbox.apply_results(&[applied("b")]);
    assert_eq!(outbox.set_base("stats", 2), Base::Known);
    assert_eq!(ids(&outbox.since(0)), ["a", "b"], "the history still lacks them");
    assert_eq!(ids(&outbox.confirmed_between(1, 2)), ["b"]);
    assert_eq!(outbox.set_base("history", 2), Base::Known);
    assert!(outbox.since(0).is_empty());
    assert!(!outbox.reaches_back_to(0) && outbox.reaches_back_to(2));
}

#[test]
fn a_long_journal_gives_up_the_oldest_base_only_for_a_newer_one() {
    let mut outbox = Outbox::default();
    assert_eq!([outbox.set_base("old page", 0), outbox.set_base("stats", 0)], [Base::Known; 2]);
    for n in 0..=LONGEST_JOURNAL {
        let id = format!("op{n}");
        outbox.record(operation(&id));
        outbox.begin_batch(0, 1);
        outbox.apply_results(&[applied(&id)]);
    }
    assert_eq!(outbox.since(0).len(), LONGEST_JOURNAL + 1, "nothing newer has come: all are needed");
    assert_eq!(outbox.set_base("stats", outbox.sequence), Base::Known);
    assert!(!outbox.reaches_back_to(0));
    assert!(outbox.reaches_back_to(outbox.sequence));
}

#[test]
fn what_is_stored_apart_from_its_rows_comes_back() {
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

#[test]
fn an_outbox_that_an_earlier_version_stored_is_read_in_full() {
    let operation = r#"{"id":"a","module":"m","at_ms":1,"action":{"kind":"open"}}"#;
    let problem = r#"{"type":"urn:kairos:problem:unknown-module","title":"t","status":422}"#;
    let text = format!(
        r#"{{"rejected":[{{"operation":{operation},"problem":{problem}}}],"sequence":7,"seen":"user.x=4",
        "confirmed":[{{"sequence":6,"operation":{operation}}}],"forgotten_to":5,"next_position":9,"bases":{{"stats":5}}}}"#
    );
    let mut read: Outbox = serde_json::from_str(&text).unwrap();
    let row = format!(r#"{{"position":8,"attempts":2,"operation":{operation}}}"#);
    read.pending.push(serde_json::from_str(&row).unwrap());
    assert_eq!((read.rejected.len(), read.sequence, read.next_position), (1, 7, 9));
    assert_eq!(read.seen, Generations::parse("user.x=4"));
    assert!(read.has_unconfirmed() && read.reaches_back_to(5) && !read.reaches_back_to(4));
    assert_eq!(ids(&read.since(5)), ["a", "a"], "confirmed after the base, and waiting");
}
