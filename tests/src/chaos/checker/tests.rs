//! The check is tried with histories that are made up: each broken invariant is caught, once, and what is merely unusual is not.

use super::*;
use crate::chaos::event::{Audit, Entry, FaultEvent, OperationName, Phase, Record, Sent};
use crate::chaos::options::FaultKind;
use crate::chaos::schedule::Fault;
use kairos_protocol::sync::generation::Generations;

const ADA: usize = 0;
const BOB: usize = 1;

fn exchange(session: usize, received: &str, observed: Observed) -> Exchange {
    let received = Generations::parse(received);
    Exchange { session, received, observed, status: Some(200), storable: true, ..Exchange::default() }
}

fn event(exchange: Exchange) -> Event {
    Event::Exchange(Arc::new(exchange))
}

fn seen(session: usize, received: &str, observed: Observed) -> Event {
    event(exchange(session, received, observed))
}

fn module(module: usize, edition: u64) -> Observed {
    Observed::Modules { editions: vec![(module, edition)], complete: false }
}

fn list(editions: &[(usize, u64)]) -> Observed {
    Observed::Modules { editions: editions.to_vec(), complete: true }
}

fn statistics(attempts: u64, seconds: u64) -> Observed {
    Observed::Statistics { learner: ADA, attempts, seconds }
}

fn progress(records: &[(usize, u64, u64)]) -> Observed {
    let record = |(module, attempts, seconds): &(usize, u64, u64)| Record {
        module: *module,
        attempts: *attempts,
        seconds: *seconds,
    };
    Observed::Progress { learner: ADA, records: records.iter().map(record).collect() }
}

fn name(learner: usize, number: u64) -> OperationName {
    OperationName { learner, session: 7, number }
}

fn entry(number: u64) -> Entry {
    Entry { at_ms: 1_000 + i64::try_from(number).unwrap(), operation: name(ADA, number) }
}

fn history(numbers: &[u64], complete: bool) -> Observed {
    Observed::History { learner: ADA, entries: numbers.iter().map(|number| entry(*number)).collect(), complete }
}

fn sending(numbers: &[u64]) -> Event {
    let sent = |number: &u64| Sent { operation: name(ADA, *number), attempts: 1, seconds: 10 };
    Event::Sending { operations: numbers.iter().map(sent).collect() }
}

fn acknowledged(numbers: &[u64]) -> Event {
    let operations = numbers.iter().map(|number| entry(*number)).collect();
    seen(7, "", Observed::Acknowledged { learner: ADA, operations, records: vec![] })
}

fn audit(numbers: &[u64], attempts: u64, seconds: u64) -> Event {
    let history = numbers.iter().map(|number| name(ADA, *number)).collect();
    Event::Audit(Audit { learner: ADA, history, attempts, seconds })
}

fn fault(kind: FaultKind, phase: Phase, at_us: u64) -> Event {
    let fault = Fault { kind, at_ms: 0, lasts_ms: 0, origin: 0, by_ms: 0 };
    Event::Fault(FaultEvent { at_us, phase, fault })
}

/// What is found in `events`, by kind.
fn found(events: &[Event]) -> Vec<(Kind, u64)> {
    let mut checker = Checker::default();
    let found: u64 = events.iter().flat_map(|event| checker.take(event)).map(|violation| violation.times).sum();
    let counted: Vec<(Kind, u64)> = checker.counts().violations.clone().into_iter().collect();
    assert_eq!(counted.iter().map(|(_, times)| times).sum::<u64>(), found, "what is found is counted");
    counted
}

#[track_caller]
fn check(what: &str, events: &[Event], expected: &[(Kind, u64)]) {
    assert_eq!(found(events), expected, "{what}");
}

#[test]
fn a_session_that_goes_back_is_caught() {
    let older = [(Kind::Older, 1)];
    let before_after: [(&str, Observed, Observed); 12] = [
        ("a module twice", module(1, 5), module(1, 4)),
        ("the list after the module", module(1, 5), list(&[(0, 1), (1, 4)])),
        ("the module after the list", list(&[(0, 1), (1, 5)]), module(1, 4)),
        ("a list without it", module(1, 5), list(&[(0, 1)])),
        ("a module that is said not to exist", module(1, 1), module(1, 0)),
        ("one's own write", Observed::Written { module: 1, edition: 5 }, module(1, 4)),
        ("fewer attempts", statistics(5, 10), statistics(4, 20)),
        ("fewer seconds", statistics(5, 20), statistics(6, 10)),
        ("a record", progress(&[(0, 2, 0), (1, 3, 0)]), progress(&[(0, 3, 0), (1, 2, 0)])),
        ("statistics after records", progress(&[(0, 2, 0), (1, 3, 0)]), statistics(4, 0)),
        ("records after statistics", statistics(6, 0), progress(&[(0, 2, 0), (1, 3, 0)])),
        ("a history that lacks an entry", history(&[3, 2, 1], true), history(&[3, 1], true)),
    ];
    for (what, before, after) in before_after {
        check(what, &[seen(1, "", before), seen(1, "", after)], &older);
    }
    check("an acknowledged operation", &[acknowledged(&[1, 2]), seen(7, "", history(&[1], true))], &older);
    check("a page of a longer history", &[acknowledged(&[2, 5]), seen(7, "", history(&[6, 4], false))], &older);
}

#[test]
fn a_session_that_was_told_of_a_state_must_see_it() {
    let shown = Arc::new(exchange(1, "catalog=9", module(1, 5)));
    let events = |after| {
        [Event::Exchange(shown.clone()), Event::Handover { to: 2, exchange: shown.clone() }, seen(2, "", after)]
    };
    check("older than it was told", &events(module(1, 4)), &[(Kind::Older, 1)]);
    check("as it was told", &events(module(1, 5)), &[]);
    check("whoever was not told", &[Event::Exchange(shown), seen(2, "", module(1, 4))], &[]);
}

#[test]
fn what_only_looks_older_is_not() {
    check("forwards", &[seen(1, "", module(1, 4)), seen(1, "", module(1, 4)), seen(1, "", module(1, 5))], &[]);
    check("another module", &[seen(1, "", module(1, 4)), seen(1, "", module(2, 1))], &[]);
    let search = Observed::Modules { editions: vec![(0, 1)], complete: false };
    check("a search that leaves one out", &[seen(1, "", module(1, 4)), seen(1, "", search)], &[]);
    check("an entry that left the page", &[acknowledged(&[1]), seen(7, "", history(&[6, 4], false))], &[]);
    check("an error says nothing", &[seen(1, "", module(1, 4)), seen(1, "", Observed::Nothing)], &[]);
}

#[test]
fn one_number_with_two_states_is_caught_where_caches_may_store_it() {
    let two = [(Kind::TwoStates, 1)];
    check("a module", &[seen(1, "catalog=9", module(1, 4)), seen(2, "catalog=9", module(1, 5))], &two);
    check("module and list", &[seen(1, "catalog=9", module(1, 4)), seen(2, "catalog=9", list(&[(1, 5)]))], &two);
    let of_ada = |observed| seen(1, "user.ada=9", observed);
    check("statistics and records", &[of_ada(statistics(4, 1)), of_ada(progress(&[(0, 5, 1)]))], &two);
    check("two numbers", &[seen(1, "catalog=9", module(1, 4)), seen(2, "catalog=10", module(1, 5))], &[]);
    let mut unstorable = exchange(2, "catalog=9", module(1, 5));
    unstorable.storable = false;
    let mut checker = Checker::default();
    for event in [seen(1, "catalog=9", module(1, 4)), event(unstorable)] {
        assert!(checker.take(&event).is_empty());
    }
    assert_eq!(checker.counts().two_states_unstorable, 1, "counted by itself");
}

#[test]
fn every_acknowledged_operation_counts_once() {
    let sent = || vec![sending(&[1, 2, 3]), acknowledged(&[1, 2])];
    let with = |last: Event| [sent(), vec![last]].concat();
    check("all there", &with(audit(&[1, 2], 2, 20)), &[]);
    check("what was never acknowledged too", &with(audit(&[1, 2, 3], 3, 30)), &[]);
    check("one lost", &with(audit(&[1], 1, 10)), &[(Kind::Lost, 1)]);
    check("all lost", &with(audit(&[], 0, 0)), &[(Kind::Lost, 2)]);
    check("in the history twice", &with(audit(&[1, 2, 2], 2, 20)), &[(Kind::Doubled, 1)]);
    check("counted twice", &with(audit(&[1, 2], 3, 30)), &[(Kind::Doubled, 1)]);
    check("time counted twice", &with(audit(&[1, 2], 2, 30)), &[(Kind::Doubled, 1)]);
    check("in the history, not in the statistics", &with(audit(&[1, 2], 1, 10)), &[(Kind::Lost, 1)]);
    check("never sent", &with(audit(&[1, 2, 9], 2, 20)), &[(Kind::Crossed, 1)]);
    let refused = Observed::Refused { learner: ADA, what: "unknown module".to_owned() };
    check("refused", &[sending(&[1]), seen(7, "", refused)], &[(Kind::Lost, 1)]);
    let mut checker = Checker::default();
    sent().iter().for_each(|event| drop(checker.take(event)));
    assert_eq!(checker.operations(), (2, 1));
}

#[test]
fn another_learners_data_is_caught() {
    let foreign = Observed::Foreign { learner: BOB, what: "the operation L0000-S0007-00000001".to_owned() };
    check("crossed", &[seen(1, "", foreign)], &[(Kind::Crossed, 1)]);
}

#[test]
fn status_500_and_requests_that_hang_are_caught() {
    let with_status = |status| event(Exchange { status, ..Exchange::default() });
    check("500", &[with_status(Some(500))], &[(Kind::Internal, 1)]);
    check("503 and no response", &[with_status(Some(503)), with_status(None)], &[]);
    let slow = || event(Exchange { status: Some(200), at_us: 5_000_000, took_us: 31_000_000, ..Exchange::default() });
    check("31 s", &[slow()], &[(Kind::Hung, 1)]);
    let pause = [
        fault(FaultKind::OriginPause, Phase::Begins, 6_000_000),
        fault(FaultKind::OriginPause, Phase::Ends, 10_000_000),
        slow(),
    ];
    check("31 s of which the origin stood still for 4", &pause, &[]);
}

#[test]
fn failures_that_no_fault_explains_are_counted() {
    let unexplained = |events: &[Event]| {
        let mut checker = Checker::default();
        events.iter().for_each(|event| drop(checker.take(event)));
        checker.counts().unexplained
    };
    let failed = |at_us| event(Exchange { status: Some(503), at_us, ..Exchange::default() });
    let kill = fault(FaultKind::MongoKill, Phase::Begins, 5_000_000);
    let over = fault(FaultKind::MongoKill, Phase::Ends, 6_000_000);
    assert_eq!(unexplained(&[failed(1)]), 1, "nothing was wrong");
    assert_eq!(unexplained(&[kill.clone(), failed(5_500_000)]), 0, "the store was down");
    assert_eq!(unexplained(&[kill.clone(), over.clone(), failed(7_000_000)]), 0, "it had just come back");
    assert_eq!(unexplained(&[kill, over, failed(90_000_000)]), 1, "long after");
    let flush = fault(FaultKind::RedisFlush, Phase::Begins, 5_000_000);
    assert_eq!(unexplained(&[flush, failed(5_500_000)]), 1, "Redis is no reason");
}

#[test]
fn tiers_are_named_in_the_words_of_cache_status() {
    for (cache_status, expected) in [
        ("kairos-origin; hit; ttl=5; detail=memory", "origin hit memory"),
        ("kairos-origin; fwd=uri-miss; stored", "origin uri-miss"),
        ("kairos-origin; fwd=bypass; detail=fenced", "origin bypass fenced"),
        ("kairos-origin; fwd=uri-miss; stored, kairos-edge; hit; ttl=59", "edge hit"),
        ("kairos-origin; hit; ttl=5; detail=redis, kairos-edge; fwd=uri-miss; stored", "origin hit redis"),
    ] {
        assert_eq!(tier(&Exchange { cache_status: cache_status.to_owned(), ..Exchange::default() }), expected);
    }
}

#[test]
fn how_long_a_write_stays_unseen_is_measured_at_origins_and_edges() {
    let at = |observed, through_edge, at_us| {
        event(Exchange { observed, through_edge, at_us, took_us: 10, ..exchange(1, "", Observed::Nothing) })
    };
    let mut checker = Checker::default();
    for event in [
        at(Observed::Written { module: 1, edition: 2 }, false, 100),
        at(Observed::Written { module: 1, edition: 3 }, false, 200),
        // Begun before the write was acknowledged, and as new as can be.
        at(module(1, 1), false, 105),
        at(module(1, 3), false, 900),
        // 40 after the first, 90 after the second; another module.
        at(module(1, 1), false, 150),
        at(module(1, 2), true, 300),
        at(module(2, 1), true, 900),
    ] {
        checker.take(&event);
    }
    assert_eq!(checker.counts().longest_lag_us, [40, 90]);
}
