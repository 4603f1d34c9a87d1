//! The tables, and how a file of an older release becomes one of this. `user_version` counts the steps that were taken.

use rusqlite::{Connection, TransactionBehavior};

/// Each step leads from one version to the next. A step that was released is never changed.
const STEPS: &[&str] = &[
    "
    CREATE TABLE modules (
        id INTEGER PRIMARY KEY,
        slug TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL,
        subject TEXT NOT NULL,
        position INTEGER NOT NULL,
        difficulty TEXT NOT NULL,
        tags TEXT NOT NULL,
        language TEXT NOT NULL,
        summary TEXT NOT NULL,
        content TEXT NOT NULL,
        duration_minutes INTEGER NOT NULL,
        status TEXT NOT NULL,
        version INTEGER NOT NULL,
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX modules_in_order ON modules (status, subject, position, slug);
    CREATE INDEX modules_by_difficulty ON modules (status, difficulty, subject, position, slug);

    -- Tags of published modules, in the order of lists.
    CREATE TABLE module_tags (
        tag TEXT NOT NULL,
        subject TEXT NOT NULL,
        position INTEGER NOT NULL,
        slug TEXT NOT NULL,
        PRIMARY KEY (tag, subject, position, slug)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX module_tags_by_slug ON module_tags (slug);

    -- Published modules; rowid is modules.id.
    CREATE VIRTUAL TABLE module_search USING fts5 (
        title, tags, summary, content,
        content = '', contentless_delete = 1, tokenize = 'porter unicode61 remove_diacritics 2'
    );

    CREATE TABLE users (
        id TEXT NOT NULL PRIMARY KEY,
        email TEXT NOT NULL UNIQUE,
        display_name TEXT NOT NULL,
        hashed_password TEXT,
        roles TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE sessions (
        token_hash TEXT NOT NULL PRIMARY KEY,
        user_id TEXT NOT NULL,
        family TEXT NOT NULL,
        expires_at_ms INTEGER NOT NULL,
        rotated_at_ms INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sessions_by_family ON sessions (family);
    CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);

    CREATE TABLE signing_keys (
        name TEXT NOT NULL PRIMARY KEY,
        kid TEXT NOT NULL,
        pkcs8 BLOB NOT NULL,
        public BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE progress (
        user_id TEXT NOT NULL,
        module TEXT NOT NULL,
        status TEXT NOT NULL,
        best_score INTEGER,
        last_score TEXT,
        time_spent_secs INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        completed_at_ms INTEGER,
        PRIMARY KEY (user_id, module)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE history (
        user_id TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        operation TEXT NOT NULL,
        module TEXT NOT NULL,
        action TEXT NOT NULL,
        PRIMARY KEY (user_id, at_ms DESC, operation DESC)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE operations (
        user_id TEXT NOT NULL,
        id TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        expires_at_ms INTEGER NOT NULL,
        PRIMARY KEY (user_id, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX operations_by_expiry ON operations (expires_at_ms);
",
    "
    -- A namespace that is not here has never changed.
    CREATE TABLE generations (
        namespace TEXT NOT NULL PRIMARY KEY,
        number INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- One row per session. Tokens of the form before cannot be continued: their owners sign in again.
    DROP TABLE sessions;
    CREATE TABLE sessions (
        family TEXT NOT NULL PRIMARY KEY,
        user_id TEXT NOT NULL,
        token_hash TEXT NOT NULL,
        previous_hash TEXT,
        expires_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sessions_by_user ON sessions (user_id);
    CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);

    -- The last version of each module that was deleted: one of the same slug goes on above it.
    CREATE TABLE deleted_modules (
        slug TEXT NOT NULL PRIMARY KEY,
        version INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- Written to find out whether anything can be written.
    CREATE TABLE probe (id INTEGER PRIMARY KEY, number INTEGER NOT NULL) STRICT;
",
    "
    -- Words of published modules as they are written, to be found by their beginning; rowid is modules.id.
    CREATE VIRTUAL TABLE module_beginnings USING fts5 (
        words,
        content = '', contentless_delete = 1, detail = none, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
    );
    INSERT INTO module_beginnings (rowid, words)
        SELECT id, title || ' ' || tags || ' ' || summary FROM modules WHERE status = 'published';
",
    "
    -- The signing keys, in JSON: they change together. Version 0 is as a file with one key had them.
    CREATE TABLE key_rings (
        name TEXT NOT NULL PRIMARY KEY,
        version INTEGER NOT NULL,
        installation TEXT NOT NULL,
        refresh_secret BLOB NOT NULL,
        keys TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO key_rings SELECT name, 0, '', x'', json_array(json_object(
        'kid', kid, 'pkcs8', hex(pkcs8), 'public', hex(public), 'signs_from_ms', 0)) FROM signing_keys;
    DROP TABLE signing_keys;
",
];

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum MigrationError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(
        "it was written by a newer release (schema {found}, this one knows {known}); run that one, or restore a backup"
    )]
    Newer { found: usize, known: usize },
    #[error("it is of an older release, and before it is changed no backup of it could be made: {0}")]
    NotBackedUp(String),
    #[error("it is another program's database; name another file")]
    Foreign,
}

/// Says in the file's header whose it is: "Kair" in ASCII.
const APPLICATION_ID: i32 = 0x4B61_6972;

/// How many steps a file has behind it; 0 for an empty one.
pub(super) fn version(connection: &Connection) -> Result<usize, MigrationError> {
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let is_empty: bool =
        connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_master)", [], |row| row.get(0))?;
    if id != APPLICATION_ID && !(id == 0 && is_empty) {
        return Err(MigrationError::Foreign);
    }
    let taken: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if taken > STEPS.len() {
        return Err(MigrationError::Newer { found: taken, known: STEPS.len() });
    }
    Ok(taken)
}

/// Takes the steps that are left, all or none. Before it changes a file of an older release it calls `back_up` with the version that the
/// file gets; nobody else can write to it then.
pub(super) fn migrate(
    connection: &mut Connection,
    back_up: impl FnOnce(usize) -> Result<(), String>,
) -> Result<(), MigrationError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let taken = version(&transaction)?;
    if taken > 0 && taken < STEPS.len() {
        back_up(STEPS.len()).map_err(MigrationError::NotBackedUp)?;
    }
    for step in STEPS.iter().skip(taken) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", STEPS.len())?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::{catalog, keys};

    #[test]
    fn the_key_of_the_release_before_is_the_only_one_of_its_ring() {
        let mut connection = Connection::open_in_memory().unwrap();
        for step in &STEPS[..3] {
            connection.execute_batch(step).unwrap();
        }
        connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        connection.pragma_update(None, "user_version", 3).unwrap();
        let insert = "INSERT INTO signing_keys VALUES ('access-tokens', 'kid', ?1, ?2)";
        connection.execute(insert, (vec![0xab_u8; 48], [0xcd_u8; 32])).unwrap();
        migrate(&mut connection, |_| Ok(())).unwrap();
        let ring = keys::key_ring(&connection).unwrap().unwrap();
        assert_eq!((ring.version, ring.installation.as_str(), ring.keys.len()), (0, "", 1));
        let key = &ring.keys[0];
        assert_eq!((key.kid.as_str(), key.pkcs8.as_slice(), key.public), ("kid", &[0xab; 48][..], [0xcd; 32]));
        assert_eq!((key.signs_from_ms, key.verifies_until_ms), (0, None));
    }

    #[test]
    fn modules_of_the_release_before_are_found_by_beginnings_too() {
        let mut connection = Connection::open_in_memory().unwrap();
        for step in &STEPS[..2] {
            connection.execute_batch(step).unwrap();
        }
        connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        connection.pragma_update(None, "user_version", 2).unwrap();
        let insert = "INSERT INTO modules VALUES (?1, ?2, ?3, '', 0, 'beginner', '[\"negotiation\"]', 'en', '', '', 0, ?4, 1, 0, 0)";
        for (id, slug, title, status) in [(1, "vary", "Vary", "published"), (2, "draft", "Varying", "draft")] {
            connection.execute(insert, (id, slug, title, status)).unwrap();
        }
        migrate(&mut connection, |_| Ok(())).unwrap();
        for query in ["var", "negot"] {
            let found = catalog::search(&connection, query, 10).unwrap();
            assert_eq!(found.iter().map(|module| module.slug.as_str()).collect::<Vec<_>>(), ["vary"], "{query}");
        }
    }
}
