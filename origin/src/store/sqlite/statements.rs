//! Every statement that this store runs: one list, for the service and for `kairos-origin explain`. Lists of modules are put together
//! from their filters (`catalog::list_query`). Not here: when which is run.

use std::sync::LazyLock;

use super::rows::{RECORD_COLUMNS, SUMMARY_COLUMNS};

pub(super) static SEARCH_MODULES: LazyLock<String> = LazyLock::new(|| {
    let columns: Vec<_> = SUMMARY_COLUMNS.split(", ").map(|column| format!("m.{column}")).collect();
    format!(
        "SELECT {} FROM (
            SELECT matched.id, min(matched.score) AS score FROM (
                SELECT ranked.id, ranked.score FROM (
                    SELECT rowid AS id, bm25(module_search, 20, 10, 5, 1) AS score FROM module_search
                    WHERE module_search MATCH ?1 ORDER BY score, rowid LIMIT ?3
                ) AS ranked
                UNION ALL
                SELECT begun.id, 0.0 FROM (
                    SELECT b.rowid AS id FROM module_beginnings AS b JOIN modules AS n ON n.id = b.rowid
                    WHERE module_beginnings MATCH ?2 ORDER BY n.slug LIMIT ?3
                ) AS begun
            ) AS matched GROUP BY matched.id
        ) AS found JOIN modules AS m ON m.id = found.id ORDER BY found.score, m.slug LIMIT ?3",
        columns.join(", ")
    )
});
pub(super) static FIND_MODULE: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT {SUMMARY_COLUMNS}, content, status, version, created_at_ms FROM modules WHERE slug = ?")
});
pub(super) const PUBLISHED_MODULE: &str = "SELECT 1 FROM modules WHERE slug = ? AND status = 'published'";
pub(super) const DELETED_VERSION: &str = "SELECT version FROM deleted_modules WHERE slug = ?";
pub(super) const INSERT_MODULE: &str =
    "INSERT INTO modules (slug, title, subject, position, difficulty, tags, language, summary, content,
        duration_minutes, status, version, created_at_ms, updated_at_ms)
    VALUES (:slug, :title, :subject, :position, :difficulty, :tags, :language, :summary, :content,
        :duration_minutes, :status, :version, :created_at_ms, :updated_at_ms)";
pub(super) const INSERT_DELETED: &str = "INSERT OR REPLACE INTO deleted_modules (slug, version) VALUES (?, ?)";
pub(super) const DELETE_MODULE: &str = "DELETE FROM modules WHERE slug = ? RETURNING id";
pub(super) const DELETE_TAGS: &str = "DELETE FROM module_tags WHERE slug = ?";
pub(super) const DELETE_WORDS: &str = "DELETE FROM module_search WHERE rowid = ?";
pub(super) const DELETE_BEGINNINGS: &str = "DELETE FROM module_beginnings WHERE rowid = ?";
pub(super) const INSERT_TAG: &str =
    "INSERT OR IGNORE INTO module_tags (tag, subject, position, slug) VALUES (?, ?, ?, ?)";
pub(super) const INSERT_WORDS: &str =
    "INSERT INTO module_search (rowid, title, tags, summary, content) VALUES (?, ?, ?, ?, ?)";

pub(super) const INSERT_BEGINNINGS: &str = "INSERT INTO module_beginnings (rowid, words) VALUES (?, ?)";

pub(super) const INSERT_USER: &str =
    "INSERT INTO users (id, email, display_name, hashed_password, roles, created_at_ms) VALUES (?, ?, ?, ?, ?, ?)";
pub(super) const PUT_USER: &str =
    "INSERT INTO users (id, email, display_name, hashed_password, roles, created_at_ms) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (email) DO UPDATE SET display_name = excluded.display_name, roles = excluded.roles,
        hashed_password = coalesce(excluded.hashed_password, hashed_password)
    RETURNING id";
pub(super) const USER_BY_EMAIL: &str =
    "SELECT id, email, display_name, roles, created_at_ms, hashed_password FROM users WHERE email = ?";
pub(super) const USER_PROFILE: &str = "SELECT id, email, display_name, roles, created_at_ms FROM users WHERE id = ?";

pub(super) const INSERT_SESSION: &str = "INSERT INTO sessions (family, user_id, token_hash, expires_at_ms)
    SELECT ?, id, ?, ? FROM users WHERE id = ? AND hashed_password = ?";
pub(super) const FIND_SESSION: &str = "SELECT user_id, token_hash, previous_hash FROM sessions WHERE family = ?";
pub(super) const ROTATE_SESSION: &str =
    "UPDATE sessions SET token_hash = ?, previous_hash = ?, expires_at_ms = ? WHERE family = ?";
pub(super) const END_SESSION: &str = "DELETE FROM sessions WHERE family = ?";
pub(super) const END_SESSIONS: &str = "DELETE FROM sessions WHERE user_id = ?";
pub(super) const EXPIRE_SESSIONS: &str = "DELETE FROM sessions WHERE expires_at_ms <= ?";

pub(super) static LIST_PROGRESS: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT {RECORD_COLUMNS} FROM progress WHERE user_id = ? AND module > ? ORDER BY module LIMIT ?")
});
pub(super) static FIND_RECORD: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {RECORD_COLUMNS} FROM progress WHERE user_id = ? AND module = ?"));
pub(super) static PUT_RECORD: LazyLock<String> = LazyLock::new(|| {
    format!("INSERT OR REPLACE INTO progress (user_id, {RECORD_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
});
pub(super) const STATISTICS: &str =
    "SELECT count(*), coalesce(sum(status = 'completed'), 0), coalesce(sum(status = 'in_progress'), 0),
        coalesce(sum(time_spent_secs), 0), coalesce(sum(attempts), 0), count(best_score),
        coalesce(sum(best_score), 0)
    FROM progress WHERE user_id = ?";

pub(super) const LIST_HISTORY: &str = "SELECT operation, module, at_ms, action FROM history
    WHERE user_id = ? AND (at_ms, operation) < (?, ?) ORDER BY at_ms DESC, operation DESC LIMIT ?";
pub(super) const INSERT_HISTORY: &str =
    "INSERT OR IGNORE INTO history (user_id, at_ms, operation, module, action) VALUES (?, ?, ?, ?, ?)";

pub(super) const KNOWN_OPERATION: &str = "SELECT 1 FROM operations WHERE user_id = ? AND id = ?";
pub(super) const COMPARE_OPERATION: &str = "SELECT fingerprint = ? FROM operations WHERE user_id = ? AND id = ?";
pub(super) const INSERT_OPERATION: &str =
    "INSERT INTO operations (user_id, id, fingerprint, expires_at_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
pub(super) const EXPIRE_OPERATIONS: &str = "DELETE FROM operations WHERE expires_at_ms <= ?";

pub(super) const READ_GENERATION: &str =
    // The one without a name counts for all: a file that was put back starts above every number that was given out (`restore`).
    "SELECT max(number) FROM generations WHERE namespace IN (?, '')";
pub(super) const RAISE_GENERATION: &str = "INSERT OR REPLACE INTO generations (namespace, number) VALUES (?, ?)";

pub(super) const KEY_RING: &str =
    "SELECT version, installation, refresh_secret, keys FROM key_rings WHERE name = 'access-tokens'";
pub(super) const PUT_KEY_RING: &str =
    "INSERT INTO key_rings (name, version, installation, refresh_secret, keys) VALUES ('access-tokens', ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET version = excluded.version, installation = excluded.installation,
        refresh_secret = excluded.refresh_secret, keys = excluded.keys
    WHERE version = excluded.version - 1";
pub(super) const WRITE_PROBE: &str =
    "INSERT INTO probe (id, number) VALUES (1, 1) ON CONFLICT DO UPDATE SET number = number + 1";

/// A statement with what it is called.
pub(super) struct Statement {
    /// `table.what`: as MongoDB's shape for the same purpose is called, where it has one.
    pub(super) name: &'static str,
    pub(super) table: &'static str,
    pub(super) purpose: &'static str,
    pub(super) sql: &'static str,
}

const fn statement(name: &'static str, table: &'static str, purpose: &'static str, sql: &'static str) -> Statement {
    Statement { name, table, purpose, sql }
}

/// All that look something up, besides lists of modules.
pub(super) fn lookups() -> Vec<Statement> {
    let mut all = of_modules();
    all.extend(of_accounts());
    all.extend(of_learners());
    all.extend([
        statement("generations.read", "generations", "the number of a namespace", READ_GENERATION),
        statement("keys.current", "key_rings", "the keys that sign access tokens", KEY_RING),
        statement("keys.put", "key_rings", "the keys that a rotation changes", PUT_KEY_RING),
    ]);
    all
}

fn of_modules() -> Vec<Statement> {
    vec![
        statement("modules.search", "module_search", "the published modules that match words best", &SEARCH_MODULES),
        statement("modules.find", "modules", "one module with its content", &FIND_MODULE),
        statement("modules.published", "modules", "whether a module is published", PUBLISHED_MODULE),
        statement("modules.version", "deleted_modules", "the last version of a deleted module", DELETED_VERSION),
        statement("modules.delete", "modules", "the module that a write replaces or deletes", DELETE_MODULE),
        statement("module_tags.delete", "module_tags", "the tags of a module that is written", DELETE_TAGS),
        statement("module_search.delete", "module_search", "the words of a module that is written", DELETE_WORDS),
        statement("module_beginnings.delete", "module_beginnings", "the same by beginnings", DELETE_BEGINNINGS),
    ]
}

fn of_accounts() -> Vec<Statement> {
    vec![
        statement("users.by_email", "users", "the account that signs in", USER_BY_EMAIL),
        statement("users.put", "users", "the account that the command line changes", PUT_USER),
        statement("users.profile", "users", "one's own profile", USER_PROFILE),
        statement("users.password", "users", "whether a password is still the same", INSERT_SESSION),
        statement("sessions.find", "sessions", "the session that goes on", FIND_SESSION),
        statement("sessions.rotate", "sessions", "the same, when it gets its next token", ROTATE_SESSION),
        statement("sessions.end", "sessions", "the session that ends", END_SESSION),
        statement("sessions.end_all", "sessions", "all sessions of one account", END_SESSIONS),
        statement("sessions.expire", "sessions", "sessions that are over", EXPIRE_SESSIONS),
    ]
}

fn of_learners() -> Vec<Statement> {
    vec![
        statement("progress.list", "progress", "a page of a learner's records", &LIST_PROGRESS),
        statement("progress.statistics", "progress", "the sums over a learner's records", STATISTICS),
        statement("progress.load", "progress", "the record that an operation changes", &FIND_RECORD),
        statement("history.list", "history", "a page of what a learner did, newest first", LIST_HISTORY),
        statement("operations.known", "operations", "whether an operation was applied before", KNOWN_OPERATION),
        statement("operations.compare", "operations", "whether it was the same operation", COMPARE_OPERATION),
        statement("operations.expire", "operations", "ids that are stored long enough", EXPIRE_OPERATIONS),
    ]
}
