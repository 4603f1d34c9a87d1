//! The JSON of every wire type, as other programs see it: golden texts that are read and written back the same, and texts that
//! must be refused. Also which texts are identifiers, and which drafts are in order.

#![expect(clippy::expect_used, reason = "what a test sets up is there, or the test fails")]

use std::fmt::Debug;

use kairos_protocol::api::account::{
    Claims, KeySet, LoginRequest, Profile, RefreshRequest, RegisterRequest, Role, TokenGrant,
};
use kairos_protocol::api::catalog::{Difficulty, MAX_CONTENT_BYTES, Module, ModuleDraft, ModuleSummary, Publication};
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::{InvalidId, OperationId, Slug, UserId};
use kairos_protocol::api::operation::{Action, MAX_STUDY_SECS, Operation, OperationBatch, OperationResults};
use kairos_protocol::api::page::Page;
use kairos_protocol::api::problem::{Problem, ProblemType};
use kairos_protocol::api::progress::{ProgressRecord, ProgressStatus, Statistics};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const PROFILE: &str =
    r#"{"id":"u1","email":"a@b.example","display_name":"A","roles":["learner","author","admin"],"created_at_ms":1}"#;
const RECORD: &str = r#"{"module":"vary","status":"completed","best_score":90,"last_score":{"at_ms":3,"operation":"op-1","score":80},"time_spent_secs":60,"attempts":2,"updated_at_ms":4,"completed_at_ms":4}"#;
const BARE_RECORD: &str =
    r#"{"module":"vary","status":"in_progress","time_spent_secs":0,"attempts":0,"updated_at_ms":4}"#;
const SUMMARY: &str = r#"{"slug":"vary","title":"Vary","subject":"HTTP","position":4,"difficulty":"intermediate","tags":["a"],"language":"en","summary":"s","duration_minutes":13,"updated_at_ms":5}"#;

/// Reads `text` as a `T` and writes it back: the same, member for member and in the same order.
#[track_caller]
fn check_golden<T: Serialize + DeserializeOwned>(text: &str) {
    let value: T = serde_json::from_str(text).expect("the golden text is read");
    assert_eq!(serde_json::to_string(&value).expect("it is written"), text);
}

#[track_caller]
fn check_refused<T: DeserializeOwned>(text: &str) {
    assert!(serde_json::from_str::<T>(text).is_err(), "was read: {text}");
}

#[test]
fn answers_have_the_documented_shape() {
    check_golden::<Profile>(PROFILE);
    check_golden::<TokenGrant>(&format!(
        r#"{{"access_token":"a","token_type":"Bearer","expires_in_secs":900,"refresh_token":"r","profile":{PROFILE}}}"#
    ));
    check_golden::<Claims>(r#"{"iss":"kairos","sub":"u1","iat":1,"exp":901,"roles":["learner"]}"#);
    check_golden::<KeySet>(
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"k1","x":"AAAA"}]}"#,
    );
    check_golden::<ModuleSummary>(SUMMARY);
    let members = SUMMARY.trim_end_matches('}');
    check_golden::<Module>(&format!(
        r#"{members},"content":"text","status":"published","version":3,"created_at_ms":1}}"#
    ));
    check_golden::<Page<ModuleSummary>>(&format!(r#"{{"items":[{SUMMARY}],"next_cursor":"abc"}}"#));
    check_golden::<Page<ModuleSummary>>(r#"{"items":[]}"#);
    check_golden::<ProgressRecord>(RECORD);
    check_golden::<ProgressRecord>(BARE_RECORD);
    check_golden::<Statistics>(
        r#"{"modules":2,"completed":1,"in_progress":1,"time_spent_secs":60,"attempts":3,"scored":1,"score_sum":90,"average_score":90.0}"#,
    );
    check_golden::<Statistics>(
        r#"{"modules":0,"completed":0,"in_progress":0,"time_spent_secs":0,"attempts":0,"scored":0,"score_sum":0}"#,
    );
    check_golden::<HistoryEntry>(r#"{"id":"op-1","module":"vary","at_ms":1,"action":{"kind":"study","seconds":60}}"#);
}

#[test]
fn requests_have_the_documented_shape() {
    check_golden::<RegisterRequest>(r#"{"email":"a@b.example","display_name":"A","password":"12345678"}"#);
    check_golden::<LoginRequest>(r#"{"email":"a@b.example","password":"12345678"}"#);
    check_golden::<RefreshRequest>(r#"{"refresh_token":"r"}"#);
    check_golden::<OperationBatch>(r#"{"operations":[{"anything":1},null]}"#);
    for action in [
        r#"{"kind":"open"}"#,
        r#"{"kind":"study","seconds":60}"#,
        r#"{"kind":"submit","score":100}"#,
        r#"{"kind":"submit"}"#,
        r#"{"kind":"complete"}"#,
    ] {
        check_golden::<Operation>(&format!(r#"{{"id":"op-1","module":"vary","at_ms":1,"action":{action}}}"#));
    }
}

#[test]
fn requests_with_anything_unknown_missing_or_of_the_wrong_kind_are_refused() {
    check_refused::<RegisterRequest>(r#"{"email":"a","display_name":"A","password":"p","roles":["admin"]}"#);
    check_refused::<RegisterRequest>(r#"{"email":"a","display_name":"A"}"#);
    check_refused::<LoginRequest>(r#"{"email":"a","password":"p","x":1}"#);
    check_refused::<LoginRequest>(r#"{"email":"a","password":7}"#);
    check_refused::<RefreshRequest>(r#"{"refresh_token":null}"#);
    check_refused::<OperationBatch>(r#"{"operations":{}}"#);
    check_refused::<OperationBatch>(r#"{"operations":[],"user":"u2"}"#);
    for operation in [
        r#"{"id":"op 1","module":"vary","at_ms":1,"action":{"kind":"open"}}"#,
        r#"{"id":"","module":"vary","at_ms":1,"action":{"kind":"open"}}"#,
        r#"{"id":"op-1","module":"Vary","at_ms":1,"action":{"kind":"open"}}"#,
        r#"{"id":"op-1","module":"search","at_ms":1,"action":{"kind":"open"}}"#,
        r#"{"id":"op-1","module":"vary","at_ms":1.5,"action":{"kind":"open"}}"#,
        r#"{"id":"op-1","module":"vary","action":{"kind":"open"}}"#,
        r#"{"id":"op-1","module":"vary","at_ms":1,"action":{"kind":"open"},"user":"u2"}"#,
        r#"{"id":"op-1","module":"vary","at_ms":1,"action":{"kind":"open","x":1}}"#,
        r#"{"id":"op-1","module":"vary","at_ms":1,"action":{"kind":"complete","score":1}}"#,
        r#"{"id":"op-1","module":"vary","at_ms":1,"action":{"kind":"submit","score":256}}"#,
        r#"{"id":"op-1","module":"vary","at_ms":1,"action":{"kind":"submit","score":-1}}"#,
        r#"{"id":"op-1","module":"vary","at_ms":1,"action":{"kind":"study"}}"#,
        r#"{"id":"op-1","module":"vary","at_ms":1,"action":{"kind":"reset"}}"#,
        r#"{"id":"op-1","module":"vary","at_ms":1,"action":{}}"#,
        r#"{"id":"op-1","module":"vary","at_ms":1,"action":"open"}"#,
    ] {
        check_refused::<Operation>(operation);
    }
}

#[test]
fn outcomes_stand_beside_the_id_they_belong_to() {
    let problem = ProblemType::UnknownModule.with_detail("no module `x`");
    let text = format!(
        r#"{{"results":[{{"id":"a","outcome":"applied","record":{RECORD}}},{{"id":"b","outcome":"duplicate","record":{BARE_RECORD}}},{{"outcome":"rejected","problem":{}}}]}}"#,
        serde_json::to_string(&problem).expect("it is written")
    );
    check_golden::<OperationResults>(&text);
}

#[test]
fn problems_leave_out_what_they_do_not_have() {
    let full = ProblemType::InvalidFields.with_detail("d").with_errors([("title", "must be shorter")]);
    assert_eq!(
        serde_json::to_value(&full).expect("it is written"),
        json!({
            "type": "urn:kairos:problem:invalid-fields",
            "title": "A field has an invalid value",
            "status": 422,
            "detail": "d",
            "errors": [{ "field": "title", "detail": "must be shorter" }],
        })
    );
    check_golden::<Problem>(r#"{"type":"urn:kairos:problem:not-found","title":"There is nothing here","status":404}"#);
}

#[test]
fn words_are_the_same_on_the_wire_and_in_the_store() {
    #[track_caller]
    fn check<T: Serialize + Copy + Debug + PartialEq, const N: usize>(
        all: [T; N],
        as_str: fn(T) -> &'static str,
        parse: fn(&str) -> Option<T>,
    ) {
        for value in all {
            assert_eq!(serde_json::to_value(value).expect("it is written"), Value::from(as_str(value)));
            assert_eq!(parse(as_str(value)), Some(value));
        }
        assert_eq!(parse(""), None);
    }
    check([Role::Learner, Role::Author, Role::Admin], Role::as_str, Role::parse);
    check(
        [Difficulty::Beginner, Difficulty::Intermediate, Difficulty::Advanced],
        Difficulty::as_str,
        Difficulty::parse,
    );
    check([Publication::Draft, Publication::Published], Publication::as_str, Publication::parse);
    check(
        [ProgressStatus::NotStarted, ProgressStatus::InProgress, ProgressStatus::Completed],
        ProgressStatus::as_str,
        ProgressStatus::parse,
    );
}

#[test]
fn secrets_do_not_show_in_logs() {
    let grant: TokenGrant = serde_json::from_str(&format!(
        r#"{{"access_token":"hush","token_type":"Bearer","expires_in_secs":900,"refresh_token":"hush","profile":{PROFILE}}}"#
    ))
    .expect("a grant");
    let (email, password) = ("a@b.example".to_owned(), "hush".to_owned());
    let login = LoginRequest { email: email.clone(), password: password.clone() };
    let register = RegisterRequest { email, display_name: "A".to_owned(), password };
    let refresh = RefreshRequest { refresh_token: "hush".to_owned() };
    let shown = format!("{grant:?} {login:?} {register:?} {refresh:?}");
    assert!(!shown.contains("hush") && shown.contains("a@b.example"), "{shown}");
}

#[test]
fn ids_are_checked_where_they_enter() {
    for (text, is_slug, is_user, is_operation) in [
        ("a", true, true, true),
        ("a-1", true, true, true),
        ("search", false, true, true),
        ("A_b", false, false, true),
        ("", false, false, false),
        ("a b", false, false, false),
        ("a/b", false, false, false),
        ("a.b", false, false, false),
        ("é", false, false, false),
        ("a\n", false, false, false),
        ("a%2f", false, false, false),
    ] {
        assert_eq!(Slug::new(text).is_ok(), is_slug, "slug {text:?}");
        assert_eq!(UserId::new(text).is_ok(), is_user, "user {text:?}");
        assert_eq!(OperationId::new(text).is_ok(), is_operation, "operation {text:?}");
    }
    for (length, is_slug, is_user) in [(64, true, true), (65, true, false), (100, true, false), (101, false, false)] {
        let text = "a".repeat(length);
        assert_eq!((Slug::new(&text).is_ok(), UserId::new(&text).is_ok()), (is_slug, is_user), "{length}");
    }
    assert_eq!(Slug::new("search"), Err(InvalidId::Reserved));
    assert_eq!(Slug::new("").map_err(|e| e.to_string()), Err("must be 1 to 100 characters long".to_owned()));
}

fn draft() -> ModuleDraft {
    let text = r#"{"slug":"vary","title":"Vary","subject":"HTTP","difficulty":"beginner","content":"text"}"#;
    serde_json::from_str(text).expect("a draft")
}

#[test]
fn a_draft_needs_only_what_has_no_default() {
    let draft = draft();
    assert_eq!((draft.language.as_str(), draft.status, draft.version), ("en", Publication::Draft, None));
    assert_eq!(draft.violations(), []);
    check_refused::<ModuleDraft>(r#"{"slug":"vary","title":"Vary","subject":"HTTP","difficulty":"beginner"}"#);
    check_refused::<ModuleDraft>(
        r#"{"slug":"vary","title":"T","subject":"S","difficulty":"beginner","content":"","created_at_ms":1}"#,
    );
    check_refused::<ModuleDraft>(r#"{"slug":"vary","title":"T","subject":"S","difficulty":"easy","content":""}"#);
}

#[test]
fn each_field_of_a_draft_has_its_bounds() {
    type Change = fn(&mut ModuleDraft);
    let cases: &[(&[&str], Change)] = &[
        (&[], |d| d.title = "é".repeat(200)),
        (&["title"], |d| d.title = "é".repeat(201)),
        (&["title"], |d| d.title = "  ".to_owned()),
        (&["subject"], |d| d.subject = String::new()),
        (&["subject"], |d| d.subject = "s".repeat(101)),
        (&[], |d| d.summary = "s".repeat(1_000)),
        (&["summary"], |d| d.summary = "s".repeat(1_001)),
        (&[], |d| d.tags = vec!["t".repeat(50); 20]),
        (&["tags"], |d| d.tags = vec!["t".to_owned(); 21]),
        (&["tags", "tags"], |d| d.tags = vec![String::new(), "t".repeat(51)]),
        (&[], |d| d.language = "zh-Hant-TW".to_owned()),
        (&["language"], |d| d.language = "e".to_owned()),
        (&["language"], |d| d.language = "en-".to_owned()),
        (&["language"], |d| d.language = "en us".to_owned()),
        (&["language"], |d| d.language = "en-".repeat(12) + "us"),
        (&[], |d| d.content = "c".repeat(MAX_CONTENT_BYTES)),
        (&["content"], |d| d.content = "c".repeat(MAX_CONTENT_BYTES + 1)),
        (&[], |d| d.duration_minutes = 100_000),
        (&["duration_minutes"], |d| d.duration_minutes = 100_001),
        (&["title", "summary"], |d| {
            d.title.clear();
            d.summary = "s".repeat(2_000);
        }),
    ];
    for (index, (fields, change)) in cases.iter().enumerate() {
        let mut draft = draft();
        change(&mut draft);
        let violations = draft.violations();
        assert_eq!(
            violations.iter().map(|(field, _)| *field).collect::<Vec<_>>(),
            *fields,
            "case {index}: {violations:?}"
        );
    }
}

#[test]
fn actions_have_their_bounds() {
    for (action, kind, is_allowed) in [
        (Action::Open {}, "open", true),
        (Action::Complete {}, "complete", true),
        (Action::Study { seconds: 0 }, "study", false),
        (Action::Study { seconds: 1 }, "study", true),
        (Action::Study { seconds: MAX_STUDY_SECS }, "study", true),
        (Action::Study { seconds: MAX_STUDY_SECS + 1 }, "study", false),
        (Action::Submit { score: None }, "submit", true),
        (Action::Submit { score: Some(0) }, "submit", true),
        (Action::Submit { score: Some(100) }, "submit", true),
        (Action::Submit { score: Some(101) }, "submit", false),
    ] {
        assert_eq!(action.violation().is_none(), is_allowed, "{action:?}");
        assert_eq!(serde_json::to_value(&action).expect("it is written")["kind"], kind);
        assert_eq!(action.kind(), kind);
    }
}

#[test]
fn problem_types_are_told_apart_and_are_errors() {
    let uris: std::collections::BTreeSet<_> = ProblemType::ALL.iter().map(|p| p.uri()).collect();
    assert_eq!(uris.len(), ProblemType::ALL.len());
    for problem in ProblemType::ALL {
        assert!((400..600).contains(&problem.status()) && !problem.title().is_empty(), "{problem:?}");
    }
}
