//! Putting a backup back, so that nobody takes the old state for the new one. Every number that was ever given out of a state that is
//! gone (generations, versions of modules) stays below those of the states that follow: **one number names one state**, also across a
//! restore. Sessions end: a refresh token that was replaced since the backup would be good again.
//!
//! The new file is made beside the present one and takes its place in one step; the present one is set aside.

use std::fs;
use std::path::{Path, PathBuf};

use kairos_protocol::UnixMillis;
use kairos_protocol::sync::generation::Generation;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use super::backup::{self, BackupError, Existing, Pages, free_name, is_same, open_known, with_ending};
use super::schema;

/// What SQLite may have beside a file.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What was put back.
#[derive(Debug)]
pub struct Restored {
    /// The file that was there before, under its new name.
    pub set_aside: Option<PathBuf>,
    /// Whether what was given out before is known from that file. If not, the clock alone sees to the numbers of generations, and
    /// versions of modules may name two states: authors have to load again what they have open.
    pub is_numbered: bool,
}

/// Puts the store at `data` back to what the backup at `from` has, at `now`, and brings it to the schema of this release. Takes the space
/// of both until the end.
///
/// # Errors
/// See [`BackupError`]: the backup is not ours, damaged or of a newer release, or somebody has the present file open. Then everything is
/// as it was.
pub fn restore(
    from: &Path,
    data: &Path,
    now: UnixMillis,
    report: &mut dyn FnMut(Pages),
) -> Result<Restored, BackupError> {
    if !from.is_file() {
        return Err(BackupError::Missing(from.to_owned()));
    }
    if is_same(from, data) {
        return Err(BackupError::Same(from.to_owned()));
    }
    let source = open_known(from)?;
    let present = Present::hold(data)?;
    let seen = present.as_ref().and_then(Present::numbers);
    let fresh = with_ending(data, ".restoring");
    backup::write_file(&source, &fresh, Existing::Replace, report)?;
    let renewed = renew(&fresh, seen.as_ref(), now).and_then(|()| replace(data, &fresh, present.is_some()));
    if renewed.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    // Until here nobody could open the one that is set aside.
    drop(present);
    Ok(Restored { set_aside: renewed?, is_numbered: seen.is_some() })
}

/// The file that is there, which nobody else has open.
enum Present {
    Readable(Connection),
    /// That may be why a backup is put back.
    Damaged,
}

/// What was given out of a store.
struct Numbers {
    generation: u64,
    modules: Vec<(String, u64)>,
}

impl Present {
    fn hold(data: &Path) -> Result<Option<Self>, BackupError> {
        if !data.exists() {
            return Ok(None);
        }
        let hold = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(data, flags)?;
            // Whoever has the file open holds a lock on it as long, in use or not.
            connection.execute_batch(
                "PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE; COMMIT",
            )?;
            Ok(connection)
        };
        let connection = match hold() {
            Ok(connection) => connection,
            Err(error) => return damage(data, &error).map(Some),
        };
        match schema::version(&connection) {
            // A newer one too: going back to an older release is what the backup before a migration is for.
            Ok(_) | Err(schema::MigrationError::Newer { .. }) => Ok(Some(Self::Readable(connection))),
            Err(schema::MigrationError::Sqlite(error)) => damage(data, &error).map(Some),
            Err(error) => Err(BackupError::unusable(data)(error)),
        }
    }

    /// `None` where they cannot be read.
    fn numbers(&self) -> Option<Numbers> {
        let Self::Readable(connection) = self else { return None };
        let read = || {
            let highest = "SELECT coalesce(max(number), 0) FROM generations";
            let generation = connection.query_row(highest, [], |row| row.get(0))?;
            let mut modules = connection
                .prepare("SELECT slug, version FROM modules UNION ALL SELECT slug, version FROM deleted_modules")?;
            let modules = modules.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
            Ok::<_, rusqlite::Error>(Numbers { generation, modules })
        };
        read().ok()
    }
}

/// What a file is that cannot be held.
fn damage(data: &Path, error: &rusqlite::Error) -> Result<Present, BackupError> {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Err(BackupError::InUse(data.to_owned())),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Ok(Present::Damaged),
        _ => Err(BackupError::unusable(data)(error)),
    }
}

/// Makes the store of a backup one that may follow the states that are gone.
fn renew(fresh: &Path, seen: Option<&Numbers>, now: UnixMillis) -> Result<(), BackupError> {
    let unusable = BackupError::unusable::<rusqlite::Error>;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(fresh, flags).map_err(unusable(fresh))?;
    schema::migrate(&mut connection, |_| Ok(())).map_err(BackupError::unusable(fresh))?;
    let renew = |connection: &mut Connection| {
        let transaction = connection.transaction()?;
        raise_generations(&transaction, seen.map_or(0, |seen| seen.generation), now)?;
        for (slug, version) in seen.iter().flat_map(|seen| &seen.modules) {
            raise_version(&transaction, slug, *version)?;
        }
        transaction.execute("DELETE FROM sessions", [])?;
        transaction.commit()
    };
    renew(&mut connection).map_err(unusable(fresh))?;
    connection.close().map_err(|(_, error)| unusable(fresh)(error))
}

/// One number for every namespace, also for those that the backup knows nothing of: their states are gone too.
fn raise_generations(connection: &Connection, seen: u64, now: UnixMillis) -> rusqlite::Result<()> {
    let highest = "SELECT coalesce(max(number), 0) FROM generations";
    let stored: u64 = connection.query_row(highest, [], |row| row.get(0))?;
    let next = Generation::new(stored.max(seen)).next(now).get();
    connection.execute("INSERT OR REPLACE INTO generations (namespace, number) VALUES ('', ?)", [next]).map(drop)
}

/// Versions that were given out after the backup, or of modules that it does not have, are not given out again. A module that has the
/// version still was not changed since.
fn raise_version(connection: &Connection, slug: &str, seen: u64) -> rusqlite::Result<()> {
    let raise = "UPDATE modules SET version = ?2 + 1 WHERE slug = ?1 AND version < ?2";
    connection.prepare_cached(raise)?.execute(params![slug, seen])?;
    let is_there = "SELECT EXISTS (SELECT 1 FROM modules WHERE slug = ?)";
    if !connection.prepare_cached(is_there)?.query_row([slug], |row| row.get(0))? {
        let raise = "INSERT INTO deleted_modules (slug, version) VALUES (?, ?)
            ON CONFLICT DO UPDATE SET version = max(version, excluded.version)";
        connection.prepare_cached(raise)?.execute(params![slug, seen])?;
    }
    Ok(())
}

/// Sets the present file aside, with what is beside it, and lets `fresh` take its place. At no moment is there none at `data`.
fn replace(data: &Path, fresh: &Path, is_there: bool) -> Result<Option<PathBuf>, BackupError> {
    let aside = free_name(data, ".before-restore")?;
    if is_there {
        fs::hard_link(data, &aside).map_err(BackupError::files(&aside))?;
    }
    // SQLite would take the log of another file for that of this one.
    for ending in BESIDE {
        let (from, to) = (with_ending(data, ending), with_ending(&aside, ending));
        if from.exists() {
            fs::rename(&from, &to).map_err(BackupError::files(&from))?;
        }
    }
    fs::rename(fresh, data).map_err(BackupError::files(data))?;
    backup::sync_folder_of(data)?;
    Ok(is_there.then_some(aside))
}

/// The number that a restore gave to every namespace; 0 where there was none.
pub(super) fn floor(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT coalesce(max(number), 0) FROM generations WHERE namespace = ''", [], |row| row.get(0))
}
