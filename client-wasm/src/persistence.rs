//! What is stored, and that it changes as a whole: the session, what there is of an owner (a learner's outbox, or what was seen
//! of the catalogue) and one stored response are read, changed by a function and written back in one transaction, on disk or,
//! where the browser refuses one, in memory. Other tabs see all of a change or nothing. Not here: IndexedDB itself
//! ([`crate::database`]).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use futures_util::future::LocalBoxFuture;
use kairos_protocol::UnixMillis;
use kairos_protocol::sync::generation::Generations;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

use crate::database::{
    Database, DatabaseError, META, Mode, OPERATIONS, OWNERS, RESPONSES, Result, Transaction, pair, pairs_of, text_of,
};
use crate::documents::{Documents, EVERYONE};
use crate::json;
use crate::memory_storage::MemoryStorage;
use crate::outbox::{Outbox, Pending};
use crate::stored_response::{Metadata, StoredResponse, generations_text};

const SESSION: &str = "session";
/// Where a row of [`RESPONSES`] has the metadata: the name that disks have.
const METADATA_FIELD: &str = "facts";
/// Responses evicted at a time when the disk is full.
const EVICTED_AT_ONCE: u32 = 50;

/// Where everything is stored.
pub(crate) enum Storage {
    /// IndexedDB.
    Disk {
        database: Database,
        /// Whether the last change could not be written: there is no room, or the disk is broken.
        fails: Cell<bool>,
    },
    /// Where the browser refuses that.
    Memory(RefCell<MemoryStorage>),
}

/// The row of [`EVERYONE`] in [`OWNERS`]. Earlier versions stored an outbox there for the sake of this one field: what they saw is
/// read, and the tabs in which they still run read what is written.
#[derive(Default, Serialize, Deserialize)]
struct CatalogRow {
    #[serde(default, with = "generations_text")]
    seen: Generations,
}

impl Storage {
    /// The disk, or memory where there is none.
    pub(crate) async fn open(name: &str) -> Self {
        match Database::open(name).await {
            Ok(database) => Self::Disk { database, fails: Cell::new(false) },
            Err(_) => Self::Memory(RefCell::default()),
        }
    }

    /// Whether there is a disk, so that what was written survives a reload.
    pub(crate) fn is_durable(&self) -> bool {
        matches!(self, Self::Disk { .. })
    }

    /// Whether what comes now survives a reload.
    pub(crate) fn persists(&self) -> bool {
        matches!(self, Self::Disk { fails, .. } if !fails.get())
    }

    /// Reads the documents of `owner`, and what is stored at `path`.
    pub(crate) fn read<'a>(&'a self, owner: &'a str, path: Option<&'a str>) -> LocalBoxFuture<'a, Result<Documents>> {
        Box::pin(async move {
            match self {
                Self::Disk { database, .. } => load(&database.begin(Mode::Read).await?, owner, path).await,
                Self::Memory(memory) => Ok(memory.borrow().load(owner, path)),
            }
        })
    }

    /// Changes the documents by `change`, which may run more than once; when the disk is full, old responses of the catalogue make
    /// room.
    ///
    /// # Errors
    /// Nothing was written then.
    pub(crate) async fn update<R>(
        &self,
        owner: &str,
        path: Option<&str>,
        mode: Mode,
        change: impl Fn(&mut Documents) -> R,
    ) -> Result<R> {
        let result = Cell::new(None);
        self.apply(owner, path, mode, &|documents| result.set(Some(change(documents)))).await?;
        result.into_inner().ok_or_else(|| DatabaseError("nothing was changed".to_owned()))
    }

    /// [`Storage::update`] compiled once, not once for each kind of change: it is most of the module's code.
    fn apply<'a>(
        &'a self,
        owner: &'a str,
        path: Option<&'a str>,
        mode: Mode,
        change: &'a dyn Fn(&mut Documents),
    ) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let (database, fails) = match self {
                Self::Disk { database, fails } => (database, fails),
                Self::Memory(memory) => {
                    let mut documents = memory.borrow().load(owner, path);
                    change(&mut documents);
                    memory.borrow_mut().store(owner, path, documents);
                    return Ok(());
                }
            };
            let mut attempts = 0;
            loop {
                match write(database, owner, path, mode, change).await {
                    Err(error) if error.is_quota() && evict(database).await.is_ok_and(|evicted| evicted > 0) => {}
                    Err(error) if error.0 == "AbortError" && attempts == 0 => attempts += 1,
                    Ok(wrote) => {
                        fails.set(fails.get() && !wrote);
                        return Ok(());
                    }
                    Err(error) => {
                        fails.set(true);
                        return Err(error);
                    }
                }
            }
        })
    }

    /// Removes the catalogue's responses that were made before `made_before_ms`.
    pub(crate) async fn remove_older(&self, made_before_ms: UnixMillis) -> Result<()> {
        let Self::Disk { database, .. } = self else { return Ok(()) };
        let transaction = database.begin(Mode::Write).await?;
        transaction.delete_oldest_responses(EVERYONE, to_number(made_before_ms), u32::MAX).await?;
        transaction.complete().await
    }

    /// Closes the disk; memory needs no closing.
    pub(crate) fn close(&self) {
        if let Self::Disk { database, .. } = self {
            database.close();
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^53")]
fn to_number(milliseconds: UnixMillis) -> f64 {
    milliseconds as f64
}

async fn evict(database: &Database) -> Result<usize> {
    let transaction = database.begin(Mode::Write).await?;
    let evicted = transaction.delete_oldest_responses(EVERYONE, f64::MAX, EVICTED_AT_ONCE).await?;
    transaction.complete().await?;
    Ok(evicted)
}

/// Returns whether there was anything to write.
async fn write(
    database: &Database,
    owner: &str,
    path: Option<&str>,
    mode: Mode,
    change: &dyn Fn(&mut Documents),
) -> Result<bool> {
    let transaction = database.begin(mode).await?;
    let before = load(&transaction, owner, path).await?;
    let mut after = before.clone();
    change(&mut after);
    match store(&transaction, owner, path, &before, &after) {
        Ok(true) => transaction.complete().await.map(|()| true),
        Ok(false) => Ok(false),
        Err(error) => {
            // What was put before the failure must not be written without the rest.
            transaction.abort();
            Err(error)
        }
    }
}

async fn load(transaction: &Transaction, owner: &str, path: Option<&str>) -> Result<Documents> {
    let session = transaction.get(META, &SESSION.into()).await?;
    let mut documents = Documents { session: json::read(&session), ..Documents::default() };
    let row = transaction.get(OWNERS, &owner.into()).await?;
    if owner == EVERYONE {
        documents.catalog_seen = json::read::<CatalogRow>(&row).unwrap_or_default().seen;
    } else {
        documents.outbox = json::read(&row);
        // The rows count even if their outbox's other half cannot be read: an operation is never lost.
        let rows = transaction.get_all(OPERATIONS, &pairs_of(owner)?).await?;
        let pending: Vec<Pending> = rows.iter().filter_map(json::read).collect();
        if !pending.is_empty() {
            documents.outbox_or_new().pending = pending;
        }
    }
    if let Some(path) = path {
        documents.response = read_response(&transaction.get(RESPONSES, &pair(owner, &path.into())).await?);
    }
    Ok(documents)
}

fn read_response(row: &JsValue) -> Option<StoredResponse> {
    let metadata: Metadata = json::read(&json::get(row, METADATA_FIELD))?;
    Some(StoredResponse { metadata, body: text_of(row, "body")? })
}

/// Writes what differs; `false` when nothing does.
fn store(
    transaction: &Transaction,
    owner: &str,
    path: Option<&str>,
    before: &Documents,
    after: &Documents,
) -> Result<bool> {
    let mut wrote = false;
    if before.session != after.session {
        wrote = true;
        match &after.session {
            Some(session) => transaction.put(META, &SESSION.into(), &json::to_text(session).into())?,
            None => transaction.delete(META, &SESSION.into())?,
        }
    }
    if after.wiped {
        transaction.delete(OWNERS, &owner.into())?;
        transaction.delete(OPERATIONS, &pairs_of(owner)?)?;
        transaction.delete(RESPONSES, &pairs_of(owner)?)?;
        return Ok(true);
    }
    if owner == EVERYONE {
        if before.catalog_seen != after.catalog_seen {
            wrote = true;
            let row = CatalogRow { seen: after.catalog_seen.clone() };
            transaction.put(OWNERS, &owner.into(), &json::to_text(&row).into())?;
        }
    } else if let Some(outbox) = &after.outbox {
        wrote |= store_outbox(transaction, owner, before.outbox.as_ref(), outbox)?;
    }
    if let Some(path) = path.filter(|_| after.response_changed) {
        wrote = true;
        let key = pair(owner, &path.into());
        match &after.response {
            Some(response) => transaction.put(RESPONSES, &key, &row_of(owner, response))?,
            None => transaction.delete(RESPONSES, &key)?,
        }
    }
    Ok(wrote)
}

fn row_of(owner: &str, response: &StoredResponse) -> JsValue {
    let row = json::Object::new();
    row.set("owner", &owner.into());
    row.set("madeAt", &to_number(response.metadata.made_at_ms).into());
    row.set(METADATA_FIELD, &json::to_text(&response.metadata).into());
    row.set("body", &response.body);
    row.into()
}

fn store_outbox(transaction: &Transaction, owner: &str, before: Option<&Outbox>, after: &Outbox) -> Result<bool> {
    if before == Some(after) {
        return Ok(false);
    }
    transaction.put(OWNERS, &owner.into(), &json::to_text(after).into())?;
    let mut old: BTreeMap<u64, &Pending> = BTreeMap::new();
    old.extend(before.iter().flat_map(|before| &before.pending).map(|pending| (pending.position, pending)));
    for pending in &after.pending {
        if old.remove(&pending.position) != Some(pending) {
            transaction.put(OPERATIONS, &position_key(owner, pending.position), &json::to_text(pending).into())?;
        }
    }
    for position in old.into_keys() {
        transaction.delete(OPERATIONS, &position_key(owner, position))?;
    }
    Ok(true)
}

#[expect(clippy::cast_precision_loss, reason = "nobody records 2^53 operations")]
fn position_key(owner: &str, position: u64) -> JsValue {
    pair(owner, &(position as f64).into())
}

impl From<DatabaseError> for crate::error::Error {
    fn from(error: DatabaseError) -> Self {
        Self::storage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_earlier_versions_saw_of_the_catalogue_is_read() {
        let mut earlier = Outbox::default();
        earlier.seen = Generations::parse("catalog=5");
        let row: CatalogRow = serde_json::from_str(&json::to_text(&earlier)).unwrap();
        assert_eq!(row.seen, earlier.seen);
        let read: Outbox = serde_json::from_str(&json::to_text(&row)).unwrap();
        assert_eq!(read, earlier, "and an earlier version reads what this one writes");
    }
}
