//! IndexedDB as futures: open, a transaction over all stores, a handful of requests. Knows the schema's names and keys, not
//! what the values mean ([`crate::persistence`]).
//!
//! Within a transaction only its own requests may be awaited: anything else lets it commit (W3C IndexedDB 3.0 §2.7.1).

use std::cell::RefCell;

use futures_util::future::{Either, select};
use js_sys::{Array, Function, JsString, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Event, IdbDatabase, IdbFactory, IdbIndexParameters, IdbKeyRange, IdbObjectStore, IdbOpenDbRequest, IdbRequest,
};

use crate::environment;
use crate::json;

/// Small documents by name: the session.
pub(crate) const META: &str = "meta";
/// One document per owner: a learner's outbox without its rows, what was seen of the public catalogue.
pub(crate) const OWNERS: &str = "outboxes";
/// Unsent operations, by `[owner, position]`.
pub(crate) const OPERATIONS: &str = "operations";
/// Stored responses, by `[owner, path]`; the public catalogue's owner is the empty text. Disks have it under its first name:
/// another would need another [`VERSION`], which tabs with an older client cannot open.
pub(crate) const RESPONSES: &str = "answers";
/// Index of [`RESPONSES`] by `[owner, madeAt]`.
const BY_AGE: &str = "byAge";

const STORES: [&str; 4] = [META, OWNERS, OPERATIONS, RESPONSES];
const VERSION: u32 = 1;
/// Opening can hang for ever when another tab blocks it.
const OPEN_PATIENCE_MS: u32 = 3_000;

/// A failure of IndexedDB: the `DOMException`'s name, such as `QuotaExceededError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("IndexedDB: {0}")]
pub(crate) struct DatabaseError(pub(crate) String);

pub(crate) type Result<T> = std::result::Result<T, DatabaseError>;

impl DatabaseError {
    fn from_js(value: &JsValue) -> Self {
        Self(json::get(value, "name").as_string().unwrap_or_else(|| "unknown failure".to_owned()))
    }

    /// Whether the disk is full.
    pub(crate) fn is_quota(&self) -> bool {
        self.0 == "QuotaExceededError"
    }
}

/// What a transaction may do and what its completion means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Only reads.
    Read,
    /// Writes what can be fetched again.
    Write,
    /// Complete means: it survives a power cut (`durability: "strict"`).
    WriteDurably,
}

#[wasm_bindgen]
extern "C" {
    /// web-sys has the options behind an unstable flag.
    type WithOptions;
    #[wasm_bindgen(method, catch, js_name = transaction)]
    fn transaction(
        this: &WithOptions,
        stores: &Array,
        mode: &str,
        options: &JsValue,
    ) -> std::result::Result<web_sys::IdbTransaction, JsValue>;
}

/// A connection that is opened again when the browser has closed it, as Safari does in background tabs.
pub(crate) struct Database {
    name: String,
    connection: RefCell<IdbDatabase>,
}

impl Database {
    /// Opens or creates the database.
    ///
    /// # Errors
    /// When IndexedDB is missing, refused (private mode), or blocked for 3 s.
    pub(crate) async fn open(name: &str) -> Result<Self> {
        let connection = RefCell::new(connect(name).await?);
        Ok(Self { name: name.to_owned(), connection })
    }

    /// Begins a transaction over all stores.
    pub(crate) async fn begin(&self, mode: Mode) -> Result<Transaction> {
        match self.try_begin(mode) {
            Ok(transaction) => Ok(transaction),
            Err(_) => {
                let connection = connect(&self.name).await?;
                self.connection.replace(connection);
                self.try_begin(mode)
            }
        }
    }

    fn try_begin(&self, mode: Mode) -> Result<Transaction> {
        let stores: Array = STORES.iter().map(|store| JsValue::from(*store)).collect();
        let options = json::Object::new();
        let durability = if mode == Mode::WriteDurably { "strict" } else { "relaxed" };
        options.set("durability", &durability.into());
        let mode = if mode == Mode::Read { "readonly" } else { "readwrite" };
        let connection = self.connection.borrow();
        let begun = connection.unchecked_ref::<WithOptions>().transaction(&stores, mode, &options.into());
        begun.map(Transaction::new).map_err(|e| DatabaseError::from_js(&e))
    }

    /// Closes the connection once its transactions have finished.
    pub(crate) fn close(&self) {
        self.connection.borrow().close();
    }
}

async fn connect(name: &str) -> Result<IdbDatabase> {
    let factory = json::get(&js_sys::global(), "indexedDB");
    let factory: IdbFactory = factory.dyn_into().map_err(|_| DatabaseError("missing".to_owned()))?;
    let request = factory.open_with_u32(name, VERSION).map_err(|e| DatabaseError::from_js(&e))?;
    let upgrade = Closure::once_into_js({
        let request = request.clone();
        move || create_stores(&request)
    });
    request.set_onupgradeneeded(upgrade.dyn_ref::<Function>());
    let opened = std::pin::pin!(finished(&request));
    let patience = std::pin::pin!(environment::sleep(OPEN_PATIENCE_MS));
    let connection: IdbDatabase = match select(opened, patience).await {
        Either::Left((opened, _)) => opened?.unchecked_into(),
        Either::Right(_) => return Err(DatabaseError("blocked".to_owned())),
    };
    // A later version of the app may want to upgrade: make room for it.
    let make_room = Closure::<dyn Fn(Event)>::new(close_target).into_js_value();
    connection.set_onversionchange(make_room.dyn_ref());
    Ok(connection)
}

fn close_target(version_change: Event) {
    if let Some(connection) = version_change.target().and_then(|target| target.dyn_into::<IdbDatabase>().ok()) {
        connection.close();
    }
}

fn create_stores(request: &IdbOpenDbRequest) {
    let Ok(connection) = request.result() else { return };
    let connection: IdbDatabase = connection.unchecked_into();
    for store in STORES {
        let Ok(store) = connection.create_object_store(store) else { continue };
        if store.name() == RESPONSES {
            let key_path: Array = ["owner", "madeAt"].into_iter().map(JsValue::from).collect();
            let parameters = IdbIndexParameters::new();
            store.create_index_with_str_sequence_and_optional_parameters(BY_AGE, &key_path, &parameters).ok();
        }
    }
}

/// A request's result.
async fn finished(request: &IdbRequest) -> Result<JsValue> {
    let promise = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    match JsFuture::from(promise).await {
        Ok(_) => request.result().map_err(|e| DatabaseError::from_js(&e)),
        Err(_) => Err(request
            .error()
            .ok()
            .flatten()
            .map_or_else(|| DatabaseError("unknown failure".to_owned()), |exception| DatabaseError(exception.name()))),
    }
}

/// A transaction over all stores. It commits by itself when nothing is left to do.
pub(crate) struct Transaction {
    inner: web_sys::IdbTransaction,
    completion: Promise,
}

/// A key of two parts.
pub(crate) fn pair(first: &str, second: &JsValue) -> JsValue {
    Array::of2(&first.into(), second).into()
}

/// All keys that are pairs beginning with `first`: in IndexedDB's order an array sorts after every number and text.
pub(crate) fn pairs_of(first: &str) -> Result<JsValue> {
    let lower = Array::of1(&first.into());
    let upper = pair(first, &Array::new().into());
    IdbKeyRange::bound(&lower, &upper).map(Into::into).map_err(|e| DatabaseError::from_js(&e))
}

impl Transaction {
    fn new(inner: web_sys::IdbTransaction) -> Self {
        // Never rejected: not everybody who begins a transaction waits for its end.
        let completion = Promise::new(&mut |resolve, _| {
            inner.set_oncomplete(Some(&resolve));
            inner.set_onabort(Some(&resolve));
        });
        Self { inner, completion }
    }

    fn store(&self, name: &str) -> Result<IdbObjectStore> {
        self.inner.object_store(name).map_err(|e| DatabaseError::from_js(&e))
    }

    /// The value under `key`; `undefined` when there is none.
    pub(crate) async fn get(&self, store: &str, key: &JsValue) -> Result<JsValue> {
        let request = self.store(store)?.get(key).map_err(|e| DatabaseError::from_js(&e))?;
        finished(&request).await
    }

    /// The values in a range of keys, in the order of keys.
    pub(crate) async fn get_all(&self, store: &str, range: &JsValue) -> Result<Vec<JsValue>> {
        let request = self.store(store)?.get_all_with_key(range).map_err(|e| DatabaseError::from_js(&e))?;
        Ok(finished(&request).await?.unchecked_into::<Array>().iter().collect())
    }

    /// Sets a value. A failure shows when the transaction completes.
    pub(crate) fn put(&self, store: &str, key: &JsValue, value: &JsValue) -> Result<()> {
        self.store(store)?.put_with_key(value, key).map(drop).map_err(|e| DatabaseError::from_js(&e))
    }

    /// Deletes a key or a range of keys. A failure shows when the transaction completes.
    pub(crate) fn delete(&self, store: &str, key: &JsValue) -> Result<()> {
        self.store(store)?.delete(key).map(drop).map_err(|e| DatabaseError::from_js(&e))
    }

    /// Deletes at most `limit` of an owner's responses that were made before `made_before_ms`, oldest first; returns how many.
    pub(crate) async fn delete_oldest_responses(&self, owner: &str, made_before_ms: f64, limit: u32) -> Result<usize> {
        let responses = self.store(RESPONSES)?;
        let failed = |e: JsValue| DatabaseError::from_js(&e);
        let range = IdbKeyRange::bound(&Array::of1(&owner.into()), &pair(owner, &made_before_ms.into()));
        let index = responses.index(BY_AGE).map_err(failed)?;
        let request = index.get_all_keys_with_key_and_limit(&range.map_err(failed)?.into(), limit).map_err(failed)?;
        let keys: Array = finished(&request).await?.unchecked_into();
        for key in keys.iter() {
            responses.delete(&key).map_err(failed)?;
        }
        Ok(keys.length() as usize)
    }

    /// Waits until everything is on disk.
    ///
    /// # Errors
    /// When it was aborted, with the reason: then nothing of it was written.
    pub(crate) async fn complete(self) -> Result<()> {
        let event = JsFuture::from(self.completion).await.unwrap_or_default();
        if json::get(&event, "type").as_string().as_deref() == Some("complete") {
            return Ok(());
        }
        let reason = self.inner.error().map_or_else(|| "AbortError".to_owned(), |exception| exception.name());
        Err(DatabaseError(reason))
    }

    /// Undoes everything.
    pub(crate) fn abort(&self) {
        // Fails when it was aborted already.
        self.inner.abort().ok();
    }
}

/// The text under `name` in a stored object.
pub(crate) fn text_of(object: &JsValue, name: &str) -> Option<JsString> {
    json::as_js_string(json::get(object, name))
}
