//! How records are written in MongoDB: one struct per collection. Moments are BSON dates, so that TTL indexes and people can
//! read them; everything else is as on the wire.

use std::collections::BTreeSet;

use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::{Profile, Role};
use kairos_protocol::api::catalog::{Difficulty, Module, ModuleSummary, Publication};
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::operation::Action;
use kairos_protocol::api::progress::{LastScore, ProgressRecord, ProgressStatus};
use mongodb::bson::DateTime;
use serde::{Deserialize, Serialize};

use crate::store::accounts::Account;
use crate::store::words::words_of;

pub(super) const MODULES: &str = "modules";
pub(super) const USERS: &str = "users";
pub(super) const SESSIONS: &str = "sessions";
pub(super) const PROGRESS: &str = "progress";
pub(super) const HISTORY: &str = "history";
pub(super) const OPERATIONS: &str = "operations";
pub(super) const KEYS: &str = "keys";
/// The numbers of namespaces.
pub(super) const GENERATIONS: &str = "generations";
/// Which form the data has.
pub(super) const META: &str = "meta";
/// Written to find out whether anything can be written.
pub(super) const PROBE: &str = "probe";

/// What lists leave out of a module (row Q2).
pub(super) const NOT_IN_LISTS: &[&str] = &["content", "words", "version", "status", "created_at"];

/// The status of what is left of a deleted module: its slug and its last version.
pub(super) const DELETED: &str = "deleted";

/// A module's version as it is stored.
pub(super) fn stored_version(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

/// A module without its content.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct SummaryDocument {
    #[serde(rename = "_id")]
    pub(super) slug: Slug,
    title: String,
    subject: String,
    position: u32,
    difficulty: Difficulty,
    tags: Vec<String>,
    language: String,
    summary: String,
    duration_minutes: u32,
    updated_at: DateTime,
}

/// A module.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ModuleDocument {
    #[serde(flatten)]
    pub(super) summary: SummaryDocument,
    content: String,
    /// Search finds it by the beginnings of these. Modules of releases that did not store them have none until they are written again.
    #[serde(default)]
    words: BTreeSet<String>,
    status: Publication,
    version: i64,
    created_at: DateTime,
}

impl From<&ModuleSummary> for SummaryDocument {
    fn from(module: &ModuleSummary) -> Self {
        let module = module.clone();
        Self {
            slug: module.slug,
            title: module.title,
            subject: module.subject,
            position: module.position,
            difficulty: module.difficulty,
            tags: module.tags,
            language: module.language,
            summary: module.summary,
            duration_minutes: module.duration_minutes,
            updated_at: DateTime::from_millis(module.updated_at_ms),
        }
    }
}

impl From<SummaryDocument> for ModuleSummary {
    fn from(document: SummaryDocument) -> Self {
        Self {
            slug: document.slug,
            title: document.title,
            subject: document.subject,
            position: document.position,
            difficulty: document.difficulty,
            tags: document.tags,
            language: document.language,
            summary: document.summary,
            duration_minutes: document.duration_minutes,
            updated_at_ms: document.updated_at.timestamp_millis(),
        }
    }
}

impl From<&Module> for ModuleDocument {
    fn from(module: &Module) -> Self {
        Self {
            summary: SummaryDocument::from(&module.summary),
            content: module.content.clone(),
            words: words_of(&module.summary),
            status: module.status,
            version: stored_version(module.version),
            created_at: DateTime::from_millis(module.created_at_ms),
        }
    }
}

impl From<ModuleDocument> for Module {
    fn from(document: ModuleDocument) -> Self {
        Self {
            summary: document.summary.into(),
            content: document.content,
            status: document.status,
            version: u64::try_from(document.version).unwrap_or(0),
            created_at_ms: document.created_at.timestamp_millis(),
        }
    }
}

/// An account. `hashed_password` is read by sign-in alone.
#[derive(Serialize, Deserialize)]
pub(super) struct UserDocument {
    #[serde(rename = "_id")]
    pub(super) id: UserId,
    email: String,
    display_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hashed_password: Option<String>,
    roles: Vec<Role>,
    created_at: DateTime,
}

impl From<&Account> for UserDocument {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.clone(),
            email: account.email.clone(),
            display_name: account.display_name.clone(),
            hashed_password: account.hashed_password.clone(),
            roles: account.roles.clone(),
            created_at: DateTime::from_millis(account.created_at_ms),
        }
    }
}

impl From<UserDocument> for Account {
    fn from(document: UserDocument) -> Self {
        Self {
            id: document.id,
            email: document.email,
            display_name: document.display_name,
            hashed_password: document.hashed_password,
            roles: document.roles,
            created_at_ms: document.created_at.timestamp_millis(),
        }
    }
}

impl From<UserDocument> for Profile {
    fn from(document: UserDocument) -> Self {
        Account::from(document).profile()
    }
}

/// A learner's record in one module.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ProgressDocument {
    /// `<user>/<module>`.
    #[serde(rename = "_id")]
    pub(super) id: String,
    pub(super) user_id: UserId,
    pub(super) module: Slug,
    status: ProgressStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    best_score: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_score: Option<LastScore>,
    time_spent_secs: i64,
    attempts: u32,
    updated_at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    completed_at: Option<DateTime>,
}

pub(super) fn progress_id(user: &UserId, module: &Slug) -> String {
    format!("{user}/{module}")
}

impl ProgressDocument {
    pub(super) fn new(user: &UserId, record: &ProgressRecord) -> Self {
        Self {
            id: progress_id(user, &record.module),
            user_id: user.clone(),
            module: record.module.clone(),
            status: record.status,
            best_score: record.best_score,
            last_score: record.last_score.clone(),
            time_spent_secs: i64::try_from(record.time_spent_secs).unwrap_or(i64::MAX),
            attempts: record.attempts,
            updated_at: DateTime::from_millis(record.updated_at_ms),
            completed_at: record.completed_at_ms.map(DateTime::from_millis),
        }
    }
}

impl From<ProgressDocument> for ProgressRecord {
    fn from(document: ProgressDocument) -> Self {
        Self {
            module: document.module,
            status: document.status,
            best_score: document.best_score,
            last_score: document.last_score,
            time_spent_secs: u64::try_from(document.time_spent_secs).unwrap_or(0),
            attempts: document.attempts,
            updated_at_ms: document.updated_at.timestamp_millis(),
            completed_at_ms: document.completed_at.map(DateTime::timestamp_millis),
        }
    }
}

/// A line of history. Its id is the operation's, so that it is written once.
#[derive(Serialize, Deserialize)]
pub(super) struct HistoryDocument {
    /// `<user>/<operation>`.
    #[serde(rename = "_id")]
    pub(super) id: String,
    pub(super) user_id: UserId,
    pub(super) operation: OperationId,
    pub(super) module: Slug,
    pub(super) at: DateTime,
    pub(super) action: Action,
}

impl From<HistoryDocument> for HistoryEntry {
    fn from(document: HistoryDocument) -> Self {
        Self {
            id: document.operation,
            module: document.module,
            at_ms: document.at.timestamp_millis(),
            action: document.action,
        }
    }
}

/// An operation's id, there so that it is applied once.
#[derive(Serialize, Deserialize)]
pub(super) struct OperationDocument {
    /// `<user>/<operation>`.
    #[serde(rename = "_id")]
    pub(super) id: String,
    pub(super) fingerprint: String,
    pub(super) expires_at: DateTime,
}

pub(super) fn operation_id(user: &UserId, operation: &OperationId) -> String {
    format!("{user}/{operation}")
}

/// A session: all that one sign-in led to.
#[derive(Serialize, Deserialize)]
pub(super) struct SessionDocument {
    #[serde(rename = "_id")]
    pub(super) family: String,
    pub(super) user_id: UserId,
    /// SHA-256 of the newest token.
    pub(super) token_hash: String,
    /// SHA-256 of the token that was traded for the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) previous_hash: Option<String>,
    pub(super) expires_at: DateTime,
}

/// A moment as BSON has it.
pub(super) const fn date(at_ms: UnixMillis) -> DateTime {
    DateTime::from_millis(at_ms)
}
