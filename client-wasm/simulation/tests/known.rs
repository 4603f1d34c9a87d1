//! What went wrong in the client before this one, or was read twice in its code: each as a scene. One of that list has no place here: that a
//! tab of a first visit is never offered an update is the service worker's affair.

use kairos_client_core::{Code, Event, Fetch, HttpResponse, Input, Mode, Outcome, PageEvent, SignedOut, Source, Store};
use kairos_client_simulation::Scene;

const STATISTICS: &str = "/v1/me/progress/stats";
const HISTORY: &str = "/v1/me/history?limit=100";
const OPERATIONS: &str = "/v1/me/operations";
const MODULES: &str = "/v1/modules?limit=50";
const REFRESH: &str = "/v1/auth/refresh";

fn signed_in(tabs: usize) -> Scene {
    let mut scene = Scene::new(tabs);
    scene.sign_in(0, 0);
    scene
}

#[test]
fn a_sign_out_counts_what_another_tab_writes_at_any_moment() {
    for moment in 0..40 {
        let mut scene = signed_in(2);
        scene.cut(true);
        let left = scene.begin_sign_out(0, 0, false);
        scene.wait(moment);
        let recorded = scene.study(1, 0, "m0");
        scene.wait(8_000);
        let (left, recorded) = (scene.outcome(0, left).unwrap(), scene.outcome(1, recorded).unwrap());
        match recorded {
            Ok(_) => assert_eq!(left.unwrap_err().code, Code::PendingOperations, "at {moment} ms"),
            Err(failure) => assert_eq!((left.is_ok(), failure.code), (true, Code::Unauthenticated), "at {moment} ms"),
        }
    }
}

#[test]
fn a_token_renewed_while_somebody_else_signs_in_is_nobody_s() {
    let mut scene = signed_in(2);
    scene.hold(Some((REFRESH, 1_000)));
    scene.expire(false);
    scene.study(0, 0, "m0");
    scene.wait(100);
    scene.begin_sign_in(1, 1);
    scene.wait(200);
    assert_eq!((scene.sent(REFRESH), scene.status(1).user.map(|id| &**id)), (1, Some("u1")), "a renewal is under way");
    scene.study(1, 1, "m1");
    scene.wait(20_000);
    assert_eq!(scene.status(0).user.map(|id| &**id), Some("u1"), "the tab follows");
    assert_eq!((scene.applied(0), scene.applied(1)), (0, 1));
    scene.sign_in(0, 0);
    scene.wait(10_000);
    assert_eq!(scene.applied(0), 1, "sent when its learner is back");
}

#[test]
fn locks_that_are_refused_or_never_granted_hold_up_nothing() {
    for never in [false, true] {
        let mut scene = Scene::without_locks(2, never);
        scene.sign_in(0, 0);
        scene.expire(false);
        scene.study(0, 0, "m0");
        scene.study(1, 0, "m1");
        scene.wait(90_000);
        assert_eq!(scene.applied(0), 2, "never granted: {never}");
    }
}

#[test]
fn a_lost_response_to_a_renewal_does_not_end_the_session() {
    let mut scene = signed_in(1);
    scene.expire(false);
    scene.lose(Some(REFRESH));
    scene.study(0, 0, "m0");
    scene.wait(20_000);
    assert!(!scene.status(0).is_ended && scene.sent(REFRESH) > 1);
    scene.lose(None);
    scene.wait(90_000);
    assert_eq!(scene.applied(0), 1);
}

#[test]
fn an_outcome_that_is_not_known_is_asked_about_again_after_growing_pauses() {
    fn postponed(fetch: &Fetch) -> Option<HttpResponse> {
        let body = fetch.body.as_deref()?;
        let id = body.split("\"id\":\"").nth(1)?.split('"').next()?;
        (&*fetch.path == OPERATIONS).then(|| HttpResponse {
            status: 200,
            content_type: "application/json".into(),
            body: format!("{{\"results\":[{{\"id\":\"{id}\",\"outcome\":\"postponed\"}}]}}"),
            generations: Some("user.u0=1000".into()),
            ..HttpResponse::default()
        })
    }
    let mut scene = signed_in(1);
    scene.answer(Some(postponed));
    scene.study(0, 0, "m0");
    scene.wait(100_000);
    let attempts = scene.sent(OPERATIONS);
    assert!((4..=9).contains(&attempts), "{attempts} attempts in 100 s");
    assert_eq!(scene.status(0).send_failure.map(|failure| failure.code.clone()), Some(Code::Unconfirmed));
    scene.answer(None);
    scene.wait(130_000);
    assert_eq!((scene.applied(0), scene.status(0).pending.len()), (1, 0));
}

#[test]
fn only_the_operation_that_was_refused_is_rejected() {
    let mut scene = signed_in(1);
    scene.cut(true);
    for module in ["m0", "poison", "m1", "m2"] {
        scene.study(0, 0, module);
        scene.wait(10);
    }
    scene.cut(false);
    scene.wait(120_000);
    assert_eq!((scene.applied(0), scene.status(0).rejected.len()), (3, 1));
    let number = scene.status(0).rejected[0].number;
    assert!(scene.status(0).rejected[0].problem.contains("invalid-body"));
    scene.restart(0, false);
    assert_eq!(scene.status(0).rejected.len(), 1, "it stays until it was seen");
    let entropy = [9; 16];
    let action = kairos_client_simulation::study();
    let resend = |request| Input::Resend { request, number, module: "u0-m3".into(), action, entropy };
    assert!(matches!(scene.done(0, 5_000, resend), Ok(Outcome::Recorded { .. })));
    assert_eq!(scene.status(0).rejected.len(), 0, "changed, and sent again");
}

#[test]
fn a_full_disk_fails_no_read_and_no_renewal() {
    let mut scene = signed_in(1);
    scene.fill(true);
    scene.expire(false);
    scene.elsewhere(0);
    let response = scene.get(0, STATISTICS, Mode::Revalidate).unwrap();
    assert_eq!((response.source, response.is_stale, Scene::seconds(&response)), (Source::Origin, false, 1));
    let again = scene.get(0, STATISTICS, Mode::ByPolicy).unwrap();
    assert_eq!((again.source, Scene::seconds(&again)), (Source::Memory, 1));
    assert!(!scene.status(0).persists);
    let refused = scene.study(0, 0, "m0");
    scene.wait(3_000);
    assert_eq!(scene.outcome(0, refused).unwrap().unwrap_err().code, Code::Storage, "no false durability");
    scene.fill(false);
    scene.study(0, 0, "m0");
    scene.wait(5_000);
    assert!(scene.status(0).persists);
    assert_eq!(scene.applied(0), 1);
}

#[test]
fn the_network_that_is_back_wakes_also_who_has_nothing_to_send() {
    let mut scene = signed_in(1);
    scene.get(0, MODULES, Mode::ByPolicy).unwrap();
    scene.cut(true);
    assert!(scene.get(0, MODULES, Mode::Revalidate).unwrap().is_stale);
    scene.publish();
    scene.cut(false);
    // No event of the browser's says so.
    scene.wait(70_000);
    let response = scene.get(0, MODULES, Mode::OnlyIfCached).unwrap();
    assert!(response.body.contains("\"version\":1"), "what failed was asked for again: {}", response.body);
}

#[test]
fn a_response_from_when_the_clock_was_ahead_is_not_fresh() {
    let mut scene = signed_in(1);
    scene.set_clock(31 * 86_400_000);
    for path in [MODULES, HISTORY] {
        scene.get(0, path, Mode::Revalidate).unwrap();
    }
    scene.set_clock(0);
    scene.cut(true);
    for path in [MODULES, HISTORY] {
        assert!(scene.get(0, path, Mode::ByPolicy).unwrap().is_stale, "there is nothing else");
    }
    scene.cut(false);
    scene.publish();
    assert!(scene.get(0, MODULES, Mode::ByPolicy).unwrap().body.contains("\"version\":1"));
}

#[test]
fn who_signs_out_and_discards_waits_for_no_network() {
    let mut scene = signed_in(1);
    scene.cut(true);
    scene.study(0, 0, "m0");
    scene.wait(100);
    let out = scene.begin_sign_out(0, 0, true);
    scene.wait(500);
    assert_eq!(scene.outcome(0, out), Some(Ok(Outcome::Done)));
    assert_eq!(scene.status(0).user, None);
    for store in [Store::Operations, Store::Responses, Store::Journal, Store::Rejected, Store::Meta] {
        assert_eq!(scene.rows(store, 0), 0, "{store:?}");
    }
}

#[test]
fn a_confirmation_downloads_nothing() {
    let mut scene = signed_in(1);
    scene.get(0, STATISTICS, Mode::ByPolicy).unwrap();
    let before = scene.sent("/v1/me/progress");
    for _ in 0..5 {
        scene.study(0, 0, "m0");
        scene.wait(2_000);
    }
    assert_eq!((scene.sent("/v1/me/progress"), scene.sent(OPERATIONS)), (before, 5));
    assert_eq!(Scene::seconds(&scene.get(0, STATISTICS, Mode::OnlyIfCached).unwrap()), 5);
}

#[test]
fn an_operation_reads_no_rows_before_it_is_acknowledged() {
    let mut scene = signed_in(1);
    scene.cut(true);
    for _ in 0..100 {
        scene.study(0, 0, "m0");
        scene.wait(1);
    }
    scene.wait(50);
    let (before, _) = scene.disk_use();
    let recorded = scene.study(0, 0, "m0");
    let (after, written) = scene.disk_use();
    let transaction = written.unwrap();
    assert_eq!(
        (after - before, transaction.puts.len(), transaction.guards.len()),
        (0, 1, 1),
        "one row, on one condition"
    );
    scene.wait(20);
    assert!(matches!(scene.outcome(0, recorded), Some(Ok(Outcome::Recorded { is_durable: true, .. }))));
}

#[test]
fn the_journal_is_bounded_whatever_was_read() {
    let mut scene = signed_in(1);
    for page in 0..31 {
        scene.get(0, &format!("/v1/me/progress?limit={}", page + 1), Mode::ByPolicy).unwrap();
    }
    for round in 0..6 {
        for _ in 0..20 {
            scene.study(0, 0, "m0");
            scene.wait(2);
        }
        scene.wait(3_000);
        scene.get(0, STATISTICS, Mode::Revalidate).unwrap();
        assert!(scene.rows(Store::Journal, 0) <= 300, "round {round}");
    }
    let (_, written) = scene.disk_use();
    let largest = written.unwrap().puts.iter().map(|put| put.row.text.len()).max().unwrap_or(0);
    assert!(largest < 2_000, "no document grows with what was done: {largest} bytes");
}

#[test]
fn what_is_recorded_while_the_page_goes_away_is_written() {
    let mut scene = signed_in(1);
    scene.cut(true);
    for n in 1..=12 {
        scene.study(0, 0, "m0");
        scene.page(0, PageEvent::Hidden);
        scene.wait(9);
        scene.restart(0, false);
        assert_eq!(scene.status(0).pending.len(), n, "none was lost");
    }
}

#[test]
fn a_session_that_was_ended_elsewhere_is_told() {
    let mut scene = signed_in(2);
    scene.expire(true);
    scene.study(0, 0, "m0");
    scene.wait(5_000);
    for tab in [0, 1] {
        assert!(scene.heard(tab, &Event::SignedOut(SignedOut::Expired)), "tab {tab}");
        assert_eq!((scene.status(tab).is_ended, scene.status(tab).pending.len()), (true, 1));
    }
    scene.sign_in(1, 0);
    scene.wait(20_000);
    assert_eq!(scene.applied(0), 1);
}

#[test]
fn a_disk_that_opens_late_is_used() {
    let mut scene = signed_in(1);
    scene.study(0, 0, "m0");
    scene.wait(2_000);
    let mut scene = Scene::without_disk(1);
    scene.wait(4_000);
    assert!(!scene.status(0).persists);
    scene.sign_in(0, 0);
    scene.cut(true);
    let recorded = scene.study(0, 0, "m0");
    scene.wait(100);
    assert!(matches!(scene.outcome(0, recorded), Some(Ok(Outcome::Recorded { is_durable: false, .. }))));
    scene.tell(0, Input::DiskOpened);
    scene.wait(500);
    assert!(scene.status(0).persists);
    assert_eq!((scene.rows(Store::Operations, 0), scene.status(0).pending.len()), (1, 1), "it moved over");
    scene.cut(false);
    scene.wait(90_000);
    assert_eq!(scene.applied(0), 1);
}

#[test]
fn the_session_on_a_disk_that_opens_late_is_taken_over() {
    let mut scene = signed_in(2);
    scene.restart(1, false);
    assert_eq!(scene.status(1).user.map(|id| &**id), Some("u0"));
    scene.tell(1, Input::DiskClosed);
    scene.wait(4_000);
    scene.tell(1, Input::DiskOpened);
    scene.wait(200);
    let recorded = scene.study(1, 0, "m0");
    scene.wait(50);
    assert!(matches!(scene.outcome(1, recorded), Some(Ok(Outcome::Recorded { is_durable: true, .. }))), "opened again");
}

#[test]
fn stored_responses_are_bounded_by_bytes() {
    let mut scene = signed_in(1);
    for n in 0..400 {
        scene.get(0, &format!("/v1/modules/module-{n}"), Mode::ByPolicy).unwrap();
    }
    scene.wait(1_000);
    assert!(scene.stored_bytes() <= 6_000 + 64 * 80, "{} bytes", scene.stored_bytes());
    assert!(scene.get(0, "/v1/modules/module-399", Mode::OnlyIfCached).is_ok(), "the newest stay");
}

#[test]
fn rows_of_a_newer_version_are_left_for_it() {
    let mut scene = signed_in(1);
    scene.restart(0, true);
    scene.cut(true);
    scene.study(0, 0, "m0");
    scene.wait(100);
    scene.downgrade();
    scene.restart(0, false);
    scene.cut(false);
    scene.wait(60_000);
    assert_eq!((scene.rows(Store::Operations, 0), scene.applied(0)), (1, 0), "not read, not deleted");
    let out = scene.begin_sign_out(0, 0, false);
    scene.wait(10_000);
    assert!(!matches!(scene.outcome(0, out), Some(Ok(_))) || scene.rows(Store::Operations, 0) == 1);
    scene.restart(0, true);
    scene.wait(60_000);
    assert_eq!(scene.applied(0), 1);
}

#[test]
fn what_was_under_way_when_the_disk_closed_does_not_use_it() {
    let mut scene = signed_in(1);
    scene.tell(0, Input::DiskClosed);
    let (_, before) = scene.disk_use();
    let recorded = scene.study(0, 0, "m0");
    scene.wait(1_000);
    let (_, after) = scene.disk_use();
    assert_eq!((before, scene.outcome(0, recorded)), (after, None), "it waits");
    scene.tell(0, Input::DiskOpened);
    scene.wait(50);
    assert!(matches!(scene.outcome(0, recorded), Some(Ok(Outcome::Recorded { is_durable: true, .. }))));
}

#[test]
fn an_older_response_never_replaces_a_newer_one() {
    fn older(fetch: &Fetch) -> Option<HttpResponse> {
        (&*fetch.path == MODULES).then(|| HttpResponse {
            status: 200,
            content_type: "application/json".into(),
            body: "{\"items\":[{\"slug\":\"m\",\"version\":0}]}".into(),
            generations: Some("catalog=1000".into()),
            ..HttpResponse::default()
        })
    }
    let mut scene = signed_in(2);
    scene.publish();
    assert!(scene.get(0, MODULES, Mode::Revalidate).unwrap().body.contains("\"version\":1"));
    scene.wait(200);
    scene.answer(Some(older));
    for tab in [0, 1] {
        let response = scene.get(tab, MODULES, Mode::Revalidate).unwrap();
        assert!(response.body.contains("\"version\":1") && response.is_stale, "tab {tab}: {}", response.body);
    }
    scene.restart(0, false);
    assert!(scene.get(0, MODULES, Mode::OnlyIfCached).unwrap().body.contains("\"version\":1"));
}
