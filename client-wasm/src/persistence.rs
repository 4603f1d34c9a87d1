//! What is stored, and that it changes as a whole: the session, an owner's outbox and one stored response are read, changed by a
//! function and written back in one transaction, on disk or, where the browser refuses one, in memory. Other tabs see all of
//! a change or nothing. Not here: IndexedDB itself ([`crate::database`]).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use futures_util::future::LocalBoxFuture;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::ids::UserId;
use wasm_bindgen::JsValue;

use crate::database::{
    Database, DatabaseError, META, Mode, OPERATIONS, OUTBOXES, RESPONSES, Result, Transaction, pair, pairs_of, text_of,
};
use crate::json;
use crate::outbox::{Outbox, Pending};
use crate::session::Session;
use crate::stored_response::{Metadata, StoredResponse};

const SESSION: &str = "session";
/// Where a row of [`RESPONSES`] has the metadata: the name that disks have.
const METADATA_FIELD: &str = "facts";
/// Responses evicted at a time when the disk is full.
const EVICTED_AT_ONCE: u32 = 50;

/// Owner of what anybody may see.
pub(crate) const EVERYONE: &str = "";

/// The documents one change is about.
#[derive(Clone, Default)]
pub(crate) struct Documents {
    /// Who is signed in, in all tabs.
    pub(crate) session: Option<Session>,
    /// The owner's outbox; `None`: this owner's data was wiped, or never was.
    pub(crate) outbox: Option<Outbox>,
    /// What is stored at the path that was named.
    pub(crate) response: Option<StoredResponse>,
    /// Set by the change: write `response` back.
    pub(crate) response_changed: bool,
    /// Set by the change: remove everything of the owner.
    pub(crate) wiped: bool,
}

impl Documents {
    /// Replaces the stored response, or removes it.
    pub(crate) fn set_response(&mut self, response: Option<StoredResponse>) {
        self.response = response;
        self.response_changed = true;
    }

    /// Removes everything of the owner.
    pub(crate) fn wipe(&mut self) {
        *self = Self { session: self.session.take(), wiped: true, ..Self::default() };
    }

    /// Whether `user` is signed in, and these are theirs.
    pub(crate) fn is_of(&self, user: &UserId) -> bool {
        self.outbox.is_some() && self.session.as_ref().is_some_and(|session| session.profile.id == *user)
    }

    /// The owner's outbox; a new one where there is none.
    pub(crate) fn outbox_or_new(&mut self) -> &mut Outbox {
        self.outbox.get_or_insert_default()
    }
}

/// Where everything is stored.
pub(crate) enum Storage {
    /// IndexedDB.
    Disk {
        database: Database,
        /// Whether the last change could not be written: there is no room, or the disk is broken.
        fails: Cell<bool>,
    },
    /// Nothing survives the page.
    Memory(RefCell<BTreeMap<String, OwnerData>>),
}

/// One owner's data in memory. The session is stored under a name that no owner has.
#[derive(Default)]
pub(crate) struct OwnerData {
    session: Option<Session>,
    outbox: Option<Outbox>,
    responses: BTreeMap<String, StoredResponse>,
}

const SESSION_OWNER: &str = "\0session";

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
                Self::Memory(data) => Ok(load_from_memory(&data.borrow(), owner, path)),
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
                Self::Memory(data) => {
                    let mut documents = load_from_memory(&data.borrow(), owner, path);
                    change(&mut documents);
                    store_in_memory(&mut data.borrow_mut(), owner, path, documents);
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
    let outbox = transaction.get(OUTBOXES, &owner.into()).await?;
    let mut outbox: Option<Outbox> = json::read(&outbox);
    // The rows count even if their outbox's other half cannot be read: an operation is never lost.
    let rows = transaction.get_all(OPERATIONS, &pairs_of(owner)?).await?;
    let pending: Vec<Pending> = rows.iter().filter_map(json::read).collect();
    if !pending.is_empty() {
        outbox.get_or_insert_default().pending = pending;
    }
    let response = match path {
        Some(path) => read_response(&transaction.get(RESPONSES, &pair(owner, &path.into())).await?),
        None => None,
    };
    Ok(Documents { session: json::read(&session), outbox, response, ..Documents::default() })
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
        transaction.delete(OUTBOXES, &owner.into())?;
        transaction.delete(OPERATIONS, &pairs_of(owner)?)?;
        transaction.delete(RESPONSES, &pairs_of(owner)?)?;
        return Ok(true);
    }
    if let Some(outbox) = &after.outbox {
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
    transaction.put(OUTBOXES, &owner.into(), &json::to_text(after).into())?;
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

fn load_from_memory(data: &BTreeMap<String, OwnerData>, owner: &str, path: Option<&str>) -> Documents {
    let of_owner = data.get(owner);
    Documents {
        session: data.get(SESSION_OWNER).and_then(|data| data.session.clone()),
        outbox: of_owner.and_then(|data| data.outbox.clone()),
        response: of_owner.zip(path).and_then(|(data, path)| data.responses.get(path).cloned()),
        ..Documents::default()
    }
}

fn store_in_memory(data: &mut BTreeMap<String, OwnerData>, owner: &str, path: Option<&str>, documents: Documents) {
    data.entry(SESSION_OWNER.to_owned()).or_default().session = documents.session;
    if documents.wiped {
        data.remove(owner);
        return;
    }
    let of_owner = data.entry(owner.to_owned()).or_default();
    of_owner.outbox = documents.outbox;
    // The catalogue has the memory cache, which is bounded.
    if let Some(path) = path.filter(|_| documents.response_changed && owner != EVERYONE) {
        match documents.response {
            Some(response) => drop(of_owner.responses.insert(path.to_owned(), response)),
            None => drop(of_owner.responses.remove(path)),
        }
    }
}

impl From<DatabaseError> for crate::error::Error {
    fn from(error: DatabaseError) -> Self {
        Self::storage(error.to_string())
    }
}
