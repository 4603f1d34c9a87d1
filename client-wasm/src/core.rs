//! What all parts of one client share: its storage, its memory, who is signed in, who listens. Each concern adds its methods in
//! a file of its own, which this one does not know: [`crate::authentication`], [`crate::signed_in`], [`crate::reads`],
//! [`crate::revalidate`], [`crate::query_result`], [`crate::replica`], [`crate::sync`].

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use js_sys::Function;
use kairos_protocol::sync::generation::Generations;
use wasm_bindgen::JsCast;

use crate::error::{Error, Result};
use crate::events::{Event, Listeners, PageListener};
use crate::fetch::{self, Request, ServerResponse};
use crate::fetched::Revalidation;
use crate::json;
use crate::lookup::Key;
use crate::lru::MemoryCache;
use crate::persistence::Storage;
use crate::sending::Sending;
use crate::session::SignedIn;
use crate::stored_response::StoredResponse;

/// One client. Single-threaded: no borrow lasts across an `await` or while listeners are told.
pub(crate) struct Core {
    pub(crate) base_url: String,
    pub(crate) name: String,
    pub(crate) storage: Storage,
    pub(crate) memory: RefCell<MemoryCache<Key, StoredResponse>>,
    pub(crate) listeners: Listeners,
    pub(crate) page_listeners: RefCell<Vec<PageListener>>,
    /// Requests on their way, so that one path is asked for once at a time.
    pub(crate) revalidations: RefCell<BTreeMap<Key, Revalidation>>,
    pub(crate) sending: Sending,
    pub(crate) replica_wanted: Cell<bool>,
    pub(crate) replica_running: Cell<bool>,
    /// The highest generations of the catalogue that were seen.
    pub(crate) catalog_seen: RefCell<Generations>,
    pub(crate) signed_in: SignedIn,
    persists: Cell<bool>,
    reachable: Cell<bool>,
    closed: Cell<bool>,
}

impl Core {
    /// A client that knows nothing yet.
    pub(crate) fn new(base_url: String, name: String, memory_entries: usize, storage: Storage) -> Self {
        let persists = Cell::new(storage.persists());
        Self {
            base_url,
            name,
            storage,
            memory: RefCell::new(MemoryCache::new(memory_entries)),
            listeners: Listeners::default(),
            page_listeners: RefCell::default(),
            revalidations: RefCell::default(),
            sending: Sending::default(),
            replica_wanted: Cell::new(false),
            replica_running: Cell::new(false),
            catalog_seen: RefCell::default(),
            signed_in: SignedIn::default(),
            persists,
            reachable: Cell::new(true),
            closed: Cell::new(false),
        }
    }

    /// Fails once the client is closed.
    pub(crate) fn ensure_open(&self) -> Result<()> {
        if self.closed.get() { Err(Error::new("closed", "the client was closed")) } else { Ok(()) }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Stops everything that this client would do by itself.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.page_listeners.borrow_mut().clear();
        self.storage.close();
    }

    /// Sends a request, and learns from the outcome whether Kaïros can be reached.
    pub(crate) async fn send(&self, request: Request) -> Result<ServerResponse> {
        let outcome = fetch::send(&self.base_url, &request).await;
        let reachable = !matches!(&outcome, Err(error) if error.problem.is_none());
        if self.reachable.replace(reachable) != reachable {
            self.emit(&Event::Status);
        }
        outcome
    }

    /// Tells the listeners, until the client is closed.
    pub(crate) fn emit(&self, event: &Event) {
        if !self.closed.get() {
            self.listeners.emit(event);
        }
    }

    /// Whether Kaïros answered the last request.
    pub(crate) fn is_reachable(&self) -> bool {
        self.reachable.get()
    }

    /// Tells the listeners when the disk began to take nothing, or takes something again.
    pub(crate) fn tell_persistence(&self) {
        let persists = self.storage.persists();
        if self.persists.replace(persists) != persists {
            self.emit(&Event::Status);
        }
    }

    /// Name of a Web Lock of this database.
    pub(crate) fn lock_name(&self, what: &str) -> String {
        format!("kairos.{}.{what}", self.name)
    }

    /// Asks the browser not to evict our data. It may refuse; nothing depends on it.
    pub(crate) fn request_persistent_storage(&self) {
        let storage = json::get(&json::get(&js_sys::global(), "navigator"), "storage");
        if let Ok(persist) = json::get(&storage, "persist").dyn_into::<Function>() {
            persist.call0(&storage).ok();
        }
    }
}
