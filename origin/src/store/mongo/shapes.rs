//! Every shape of query that this store sends: one list, for the service, for `kairos-origin explain` and for who reads the server's
//! own log, where the name stands as the command's comment. Not here: the queries themselves, which stand where they are sent
//! ([`super::query`] is what they are made of). An insert looks nothing up and has no shape.

use mongodb::bson::Bson;

use super::documents::{GENERATIONS, HISTORY, KEYS, META, MODULES, OPERATIONS, PROBE, PROGRESS, SESSIONS, USERS};
use crate::store::timing;

/// A kind of query: always the same fields, operators and order, whatever the values.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// `collection.what`: in `kairos_store_seconds`, in the log, and in the comment of each command.
    pub name: &'static str,
    /// What it looks in.
    pub collection: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Why it may examine more than it returns, if it may.
    pub reason: Option<&'static str>,
}

impl Shape {
    /// For the command's `comment`.
    pub(super) fn comment(&self) -> Bson {
        Bson::String(self.name.to_owned())
    }

    /// What `command` gives, with its time recorded.
    pub(super) async fn timed<T>(&self, command: impl IntoFuture<Output = T>) -> T
    where
        Self: 'static,
    {
        timing::timed(self.name, command).await
    }
}

const fn shape(name: &'static str, collection: &'static str, purpose: &'static str) -> Shape {
    Shape { name, collection, purpose, reason: None }
}

const fn with_reason(shape: Shape, reason: &'static str) -> Shape {
    Shape { reason: Some(reason), ..shape }
}

pub(super) static LIST_MODULES: Shape = shape("modules.list", MODULES, "a page of published modules, in order");
pub(super) static SEARCH_MODULES: Shape = with_reason(
    shape("modules.search", MODULES, "the published modules that match words best"),
    "every match is scored before the best are known",
);
pub(super) static FIND_MODULE: Shape = shape("modules.find", MODULES, "one module with its content");
pub(super) static PUBLISHED_MODULES: Shape = shape("modules.published", MODULES, "which of some modules are published");
pub(super) static MODULE_VERSION: Shape = shape("modules.version", MODULES, "the version of a module that is written");
pub(super) static WRITE_MODULE: Shape = shape("modules.write", MODULES, "the module that a write changes");

pub(super) static USER_BY_EMAIL: Shape = shape("users.by_email", USERS, "the account that signs in");
pub(super) static PUT_USER: Shape = shape("users.put", USERS, "the account that the command line changes");
pub(super) static USER_PROFILE: Shape = shape("users.profile", USERS, "one's own profile");
pub(super) static USER_PASSWORD: Shape = shape("users.password", USERS, "whether a password is still the same");

pub(super) static ROTATE_SESSION: Shape = shape("sessions.rotate", SESSIONS, "the session that goes on");
pub(super) static END_SESSION: Shape = shape("sessions.end", SESSIONS, "the session that ends");
pub(super) static END_SESSIONS: Shape = shape("sessions.end_all", SESSIONS, "all sessions of one account");

pub(super) static LIST_PROGRESS: Shape = shape("progress.list", PROGRESS, "a page of a learner's records");
pub(super) static STATISTICS: Shape = with_reason(
    shape("progress.statistics", PROGRESS, "the sums over a learner's records"),
    "one document is made of all the learner's records",
);
pub(super) static LOAD_RECORDS: Shape = shape("progress.load", PROGRESS, "the records that operations change");
pub(super) static WRITE_RECORD: Shape = shape("progress.write", PROGRESS, "one record that an operation changes");

pub(super) static LIST_HISTORY: Shape = shape("history.list", HISTORY, "a page of what a learner did, newest first");

pub(super) static KNOWN_OPERATIONS: Shape =
    shape("operations.known", OPERATIONS, "which operations were applied before");

pub(super) static READ_GENERATIONS: Shape = shape("generations.read", GENERATIONS, "the numbers of namespaces");
pub(super) static CONFIRM_GENERATION: Shape =
    shape("generations.confirm", GENERATIONS, "the number of a namespace, from a primary that is one");
pub(super) static RAISE_GENERATIONS: Shape = shape("generations.raise", GENERATIONS, "the numbers that a write raises");

pub(super) static KEY_RING: Shape = shape("keys.current", KEYS, "the keys that sign access tokens");
pub(super) static PUT_KEY_RING: Shape = shape("keys.put", KEYS, "the keys that a rotation changes");
pub(super) static SCHEMA_VERSION: Shape = shape("meta.version", META, "which form the data has");
pub(super) static WRITE_PROBE: Shape = shape("probe.write", PROBE, "whether the server takes writes");

/// All of them.
pub static ALL: [&Shape; 26] = [
    &LIST_MODULES,
    &SEARCH_MODULES,
    &FIND_MODULE,
    &PUBLISHED_MODULES,
    &MODULE_VERSION,
    &WRITE_MODULE,
    &USER_BY_EMAIL,
    &PUT_USER,
    &USER_PROFILE,
    &USER_PASSWORD,
    &ROTATE_SESSION,
    &END_SESSION,
    &END_SESSIONS,
    &LIST_PROGRESS,
    &STATISTICS,
    &LOAD_RECORDS,
    &WRITE_RECORD,
    &LIST_HISTORY,
    &KNOWN_OPERATIONS,
    &READ_GENERATIONS,
    &CONFIRM_GENERATION,
    &RAISE_GENERATIONS,
    &KEY_RING,
    &PUT_KEY_RING,
    &SCHEMA_VERSION,
    &WRITE_PROBE,
];
