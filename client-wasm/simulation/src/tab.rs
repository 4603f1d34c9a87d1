//! A tab: its core, and what its app knows. Not what it does.

use std::collections::HashMap;

use kairos_client_core::Core;

use crate::happening::What;
use crate::learner::Asked;

/// A tab.
pub(crate) struct Tab {
    pub(crate) core: Core,
    pub(crate) is_alive: bool,
    pub(crate) is_frozen: bool,
    pub(crate) life: u32,
    /// What happened while it was frozen.
    pub(crate) held: Vec<What>,
    /// Its disk does one thing after the other.
    pub(crate) disk_until: i64,
    pub(crate) timer: u64,
    pub(crate) next_request: u32,
    pub(crate) asked: HashMap<u32, Asked>,
    /// The highest generation that it was given, of the catalogue and of who is signed in.
    pub(crate) seen: [u64; 2],
    /// By path, what it was given last.
    pub(crate) shown: HashMap<String, u64>,
    pub(crate) user: Option<usize>,
    /// Since when it runs, or runs again.
    pub(crate) since: i64,
}

impl Tab {
    /// A tab that is not open yet.
    pub(crate) fn new(core: Core) -> Self {
        Self {
            core,
            is_alive: false,
            is_frozen: false,
            life: 0,
            held: Vec::new(),
            disk_until: 0,
            timer: 0,
            next_request: 0,
            asked: HashMap::new(),
            seen: [0; 2],
            shown: HashMap::new(),
            user: None,
            since: 0,
        }
    }
}
