//! Backups: the state of the file at one moment, as a file of its own, while others go on reading and writing. SQLite's own backup reads
//! within one snapshot, so that it has every write that was acknowledged before it began, none that began after, and never begins anew
//! because somebody writes. Until it ends the log beside the file (`-wal`) grows by what is written meanwhile.
//!
//! Not here: putting one back ([`super::restore`]).

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::backup::{self, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::connection::BUSY_TIMEOUT;
use super::schema::{self, MigrationError};

/// Pages between two reports: 4 MiB where a page has 4 KiB.
const PAGES_PER_STEP: i32 = 1_024;
/// Files of the same purpose beside one another, told apart by a number.
const MAX_NUMBER: u32 = 1_000;

/// What becomes of a file that has the name of the backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and there is no backup.
    Refuse,
    /// It is replaced, once the backup is whole.
    Replace,
}

/// How far a backup is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// Those that are written.
    pub done: u64,
    /// Those that there are.
    pub all: u64,
}

/// Why there is no backup, or nothing was put back: one line each.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to read.
    #[error("{0} is not there")]
    Missing(PathBuf),
    /// A backup of this name is there.
    #[error("{0} is there already; --force replaces it")]
    Exists(PathBuf),
    /// Two at once.
    #[error("another backup is being written to {0}")]
    UnderWay(PathBuf),
    /// It is not ours, is newer, or cannot be read.
    #[error("{0}: {1}")]
    Unusable(PathBuf, String),
    /// Pages that are not what they should be.
    #[error("{0} is damaged: {1}")]
    Damaged(PathBuf, String),
    /// Somebody has the file open.
    #[error("{0} is in use; stop `kairos-origin serve` and whatever else has it open")]
    InUse(PathBuf),
    /// The same file twice.
    #[error("{0} is the file of the store itself")]
    Same(PathBuf),
    /// The file system refuses.
    #[error("{0}: {1}")]
    Files(PathBuf, io::Error),
}

impl BackupError {
    pub(super) fn files(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Files(path, error)
    }

    pub(super) fn unusable<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        move |error| Self::Unusable(path, error.to_string())
    }
}

/// Writes the state of the store at `data` to `to`, and says how large it is in pages. `data` may be of an older release: so is the
/// backup. While it is written it is called `to` with `.partial` at its end; it is checked before it gets its name.
///
/// # Errors
/// See [`BackupError`]. Then nothing is at `to` that was not there before.
pub fn back_up(
    data: &Path,
    to: &Path,
    existing: Existing,
    report: &mut dyn FnMut(Pages),
) -> Result<Pages, BackupError> {
    if !data.is_file() {
        return Err(BackupError::Missing(data.to_owned()));
    }
    if is_same(data, to) {
        return Err(BackupError::Same(to.to_owned()));
    }
    write_file(&open_known(data)?, to, existing, report)
}

/// The backup that is made before a migration to version `to`.
pub(super) fn before_migration(data: &Path, to: usize) -> Result<(), String> {
    let name = free_name(data, &format!(".before-v{to}")).map_err(|error| error.to_string())?;
    back_up(data, &name, Existing::Refuse, &mut |_| {}).map_err(|error| error.to_string())?;
    tracing::info!(backup = %name.display(), "the store is of an older release; it was backed up before it is changed");
    Ok(())
}

/// Opens a file that is ours, of this release or an older one, and is not empty.
pub(super) fn open_known(path: &Path) -> Result<Connection, BackupError> {
    let open = || {
        // Reading too takes a place in the `-shm` beside it.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "query_only", true)?;
        match schema::version(&connection)? {
            0 => Err(MigrationError::Foreign),
            _ => Ok(connection),
        }
    };
    open().map_err(BackupError::unusable(path))
}

/// Writes what `source` is now to `to`. The caller has seen to what it is.
pub(super) fn write_file(
    source: &Connection,
    to: &Path,
    existing: Existing,
    report: &mut dyn FnMut(Pages),
) -> Result<Pages, BackupError> {
    let refuse_existing = || match existing {
        Existing::Refuse if to.exists() => Err(BackupError::Exists(to.to_owned())),
        _ => Ok(()),
    };
    refuse_existing()?;
    let partial = Partial::create(with_ending(to, ".partial"))?;
    let pages = fill(source, &partial.path, report)?;
    refuse_existing()?;
    partial.publish(to)?;
    Ok(pages)
}

fn fill(source: &Connection, partial: &Path, report: &mut dyn FnMut(Pages)) -> Result<Pages, BackupError> {
    let unusable = BackupError::unusable::<rusqlite::Error>;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut target = Connection::open_with_flags(partial, flags).map_err(unusable(partial))?;
    // It is synced once, when it is whole.
    let fast = target.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY");
    fast.map_err(unusable(partial))?;
    let pages = in_one_snapshot(source, &mut target, report).map_err(unusable(partial))?;
    // One file, that can be read where nothing can be written.
    target.execute_batch("PRAGMA journal_mode = DELETE").map_err(unusable(partial))?;
    let said: rusqlite::Result<String> = target.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    match said {
        Ok(said) if said == "ok" => {}
        Ok(said) => return Err(BackupError::Damaged(partial.to_owned(), said)),
        Err(error) => return Err(BackupError::Damaged(partial.to_owned(), error.to_string())),
    }
    target.close().map_err(|(_, error)| unusable(partial)(error))?;
    Ok(pages)
}

fn in_one_snapshot(
    source: &Connection,
    target: &mut Connection,
    report: &mut dyn FnMut(Pages),
) -> rusqlite::Result<Pages> {
    let snapshot = source.unchecked_transaction()?;
    // A transaction begins with what it reads first.
    snapshot.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    let backup = backup::Backup::new(&snapshot, target)?;
    loop {
        let step = backup.step(PAGES_PER_STEP)?;
        let progress = backup.progress();
        let number = |pages: i32| u64::try_from(pages).unwrap_or(0);
        let pages = Pages { done: number(progress.pagecount - progress.remaining), all: number(progress.pagecount) };
        report(pages);
        match step {
            StepResult::Done => return Ok(pages),
            StepResult::More => {}
            // Nobody else has the one, and nobody can keep us from reading the other.
            _ => return Err(rusqlite::Error::QueryReturnedNoRows),
        }
    }
}

/// A file that is being written: gone when this is dropped, unless it got its name.
struct Partial {
    path: PathBuf,
    /// Locked, so that a second backup notices the first, and one that was broken off is no obstacle.
    file: File,
    is_published: bool,
}

impl Partial {
    fn create(path: PathBuf) -> Result<Self, BackupError> {
        // It has password hashes and the key that signs tokens.
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(BackupError::files(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::UnderWay(path)),
            Err(TryLockError::Error(error)) => return Err(BackupError::Files(path, error)),
        }
        file.set_len(0).map_err(BackupError::files(&path))?;
        Ok(Self { path, file, is_published: false })
    }

    fn publish(mut self, to: &Path) -> Result<(), BackupError> {
        self.file.sync_all().map_err(BackupError::files(&self.path))?;
        fs::rename(&self.path, to).map_err(BackupError::files(to))?;
        self.is_published = true;
        sync_folder_of(to)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_published {
            for ending in ["", "-journal", "-wal", "-shm"] {
                let _ = fs::remove_file(with_ending(&self.path, ending));
            }
        }
    }
}

/// `path` with more at its end.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// `path` with `ending`, or with a number behind that, where nothing is yet.
pub(super) fn free_name(path: &Path, ending: &str) -> Result<PathBuf, BackupError> {
    let first = with_ending(path, ending);
    let numbered = (2..MAX_NUMBER).map(|number| with_ending(path, &format!("{ending}.{number}")));
    [first.clone()].into_iter().chain(numbered).find(|name| !name.exists()).ok_or(BackupError::Exists(first))
}

/// Whether both are one file, by whatever names.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// A name is on disk when its folder is.
pub(super) fn sync_folder_of(path: &Path) -> Result<(), BackupError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(BackupError::files(folder))
}
