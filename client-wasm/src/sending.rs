//! What one client knows about its own sending, as plain state. Not here: the sending ([`crate::sync`]).

use std::cell::{Cell, RefCell};

use futures_util::future::{LocalBoxFuture, Shared};
use kairos_protocol::UnixMillis;

use crate::error::{Error, Result};

/// One attempt to send everything, shared by all who wait for it.
pub(crate) type Flush = Shared<LocalBoxFuture<'static, Result<()>>>;

/// The attempt under way, and what came of those before.
#[derive(Default)]
pub(crate) struct Sending {
    pub(crate) running: RefCell<Option<Flush>>,
    /// Something was recorded while it ran.
    pub(crate) again: Cell<bool>,
    /// Attempts that failed since the last one that did not.
    pub(crate) failures: Cell<u32>,
    pub(crate) last_failure: RefCell<Option<Error>>,
    /// Counts timers, so that only the newest acts.
    pub(crate) timer: Cell<u32>,
    /// The server asked not to be asked before.
    pub(crate) not_before_ms: Cell<UnixMillis>,
}

impl Sending {
    pub(crate) fn is_running(&self) -> bool {
        self.running.borrow().is_some()
    }

    /// Why the last attempt failed, if it did.
    pub(crate) fn last_failure(&self) -> Option<Error> {
        self.last_failure.borrow().clone()
    }
}
