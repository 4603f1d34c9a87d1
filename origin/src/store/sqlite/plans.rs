//! Test: every statement that this store runs finds its rows by an index, lists come out of one in order (row Q3), and
//! `kairos-origin explain` tells it (row Q5). The statements are those that SQLite itself reports while each function runs, so none is forgotten when one changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use kairos_protocol::api::account::Role;
use kairos_protocol::api::catalog::{Difficulty, Module, ModuleDraft, Publication};
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::operation::{Action, Operation};
use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::{accounts, catalog, explain, keys, operations, progress, schema, sessions, statements};
use crate::store::accounts::Account;
use crate::store::catalog::{ModuleFilter, ModulePosition};
use crate::store::explain::Assessment;
use crate::store::keys::KeyRing;
use crate::store::progress::FingerprintedOperation;
use crate::store::sessions::{NewSession, Successor};

const NOW: i64 = 1_790_000_000_000;

/// A database in memory that tells each statement it runs.
struct Listening {
    connection: Connection,
    statements: Arc<Mutex<BTreeSet<String>>>,
}

impl Listening {
    fn new() -> Self {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection, |_| Ok(())).unwrap();
        let statements = Arc::new(Mutex::new(BTreeSet::new()));
        let heard = Arc::clone(&statements);
        let hear = move |event: TraceEvent<'_>| {
            // What full-text search runs inside a statement is reported as a comment.
            if let TraceEvent::Stmt(_, sql) = event
                && !sql.starts_with("--")
            {
                heard.lock().insert(sql.to_owned());
            }
        };
        connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(hear)).unwrap();
        Self { connection, statements }
    }

    /// The plan of each statement heard so far.
    fn plans(self) -> Vec<(String, Vec<String>)> {
        let Self { mut connection, statements } = self;
        connection.trace_v2(TraceEventCodes::empty(), None::<fn(TraceEvent<'_>)>).unwrap();
        let explain = |sql: &String| (sql.clone(), explain::plan(&connection, sql).unwrap());
        statements.lock().iter().map(explain).collect()
    }
}

fn slug(text: &str) -> Slug {
    Slug::new(text).unwrap()
}

fn module(name: &str) -> Module {
    let draft = ModuleDraft {
        slug: slug(name),
        title: name.to_owned(),
        subject: "Caching".to_owned(),
        position: 0,
        difficulty: Difficulty::Beginner,
        tags: vec!["http".to_owned()],
        language: "en".to_owned(),
        summary: String::new(),
        content: "Some text.".to_owned(),
        duration_minutes: 5,
        status: Publication::Published,
        version: None,
    };
    draft.into_module(NOW)
}

fn run_the_catalogue(c: &Connection) {
    let (one, two) = (module("one"), module("two"));
    catalog::insert_in_next_version(c, &one).unwrap();
    catalog::import(c, &[one.clone(), two]).unwrap();
    catalog::replace(c, &one, 1).unwrap();
    catalog::find(c, &slug("one")).unwrap();
    catalog::published_among(c, &BTreeSet::from([slug("one"), slug("none")])).unwrap();
    catalog::search(c, "some text", 50).unwrap();
    let place = ModulePosition { subject: "Caching".to_owned(), position: 0, slug: slug("one") };
    for subject in [None, Some("Caching".to_owned())] {
        for difficulty in [None, Some(Difficulty::Beginner)] {
            for tag in [None, Some("http".to_owned())] {
                let filter = ModuleFilter { subject: subject.clone(), difficulty, tag };
                for (after, count) in [(None, 2), (Some(&place), 1)] {
                    let found = catalog::list(c, catalog::list_query(&filter, after, 51)).unwrap();
                    assert_eq!(found.len(), count, "{filter:?} after {after:?}");
                }
            }
        }
    }
    catalog::delete(c, &slug("one"), 2).unwrap();
}

fn run_the_accounts(c: &Connection, ada: &UserId) {
    let account = Account {
        id: ada.clone(),
        email: "ada@example.org".to_owned(),
        display_name: "Ada".to_owned(),
        hashed_password: Some("a hash".to_owned()),
        roles: vec![Role::Learner],
        created_at_ms: NOW,
    };
    accounts::insert(c, &account).unwrap();
    accounts::put(c, &account).unwrap();
    accounts::import(c, std::slice::from_ref(&account)).unwrap();
    accounts::by_email(c, &account.email).unwrap();
    accounts::profile(c, ada).unwrap();
    let ring = KeyRing { version: 1, installation: "i".to_owned(), refresh_secret: vec![1], keys: Vec::new() };
    assert!(keys::put(c, &ring).unwrap());
    assert!(keys::key_ring(c).unwrap().is_some());
    let (family, verified_hash, token_hash) = ("f".to_owned(), "a hash".to_owned(), "a".to_owned());
    let session = NewSession { family, user: ada.clone(), verified_hash, token_hash, expires_at_ms: NOW + 1 };
    assert!(sessions::insert(c, &session).unwrap());
    let next = Successor { token_hash: "b".to_owned(), expires_at_ms: NOW + 1 };
    sessions::rotate(c, "f", "a", &next, NOW).unwrap();
    sessions::end(c, "f").unwrap();
}

fn run_the_learners(c: &Connection, ada: &UserId) {
    let id = |text: &str| OperationId::new(text).unwrap();
    let open = |text: &str| {
        FingerprintedOperation::new(Operation { id: id(text), module: slug("m"), at_ms: NOW, action: Action::Open {} })
    };
    operations::apply(c, ada, &[open("one"), open("one")], NOW).unwrap();
    operations::import(c, &[(ada.clone(), open("two"))], NOW).unwrap();
    assert_eq!(progress::history(c, ada, None, 50).unwrap().len(), 2);
    assert_eq!(progress::history(c, ada, Some(&(NOW, id("two"))), 50).unwrap().len(), 1);
    assert_eq!(progress::records(c, ada, Some(&slug("a")), 50).unwrap().len(), 1);
    assert_eq!(progress::statistics(c, ada).unwrap().modules, 1);
}

#[test]
fn every_statement_is_answered_from_an_index() {
    let listening = Listening::new();
    let ada = UserId::new("ada").unwrap();
    run_the_catalogue(&listening.connection);
    run_the_accounts(&listening.connection, &ada);
    run_the_learners(&listening.connection, &ada);
    let plans = listening.plans();
    assert!(plans.len() >= 30, "only {} statements were heard", plans.len());
    for (sql, steps) in plans {
        let assessment = explain::evaluate(&sql, &steps);
        assert!(!matches!(assessment, Assessment::Bad { .. }), "{assessment:?} in {steps:#?} of {sql}");
        // What looks nothing up has no steps.
        assert!(steps.is_empty() || is_listed(&sql), "not told by `kairos-origin explain`: {sql}");
    }
}

fn is_listed(sql: &str) -> bool {
    statements::lookups().iter().any(|listed| listed.sql == sql)
        || explain::list_forms().iter().any(|(_, listed)| listed == sql)
}
