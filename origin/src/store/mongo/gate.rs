//! Whether a write was given up before it could happen: the one thing that a caller who waits no longer and the write itself agree on.

use std::sync::atomic::{AtomicU8, Ordering};

/// Decides between a write that wants to commit and a caller who waits no longer: what was given up must not be committed after.
pub(super) struct Gate(AtomicU8);

const OPEN: u8 = 0;
const PASSED: u8 = 1;
const CLOSED: u8 = 2;

impl Gate {
    pub(super) const fn open() -> Self {
        Self(AtomicU8::new(OPEN))
    }

    /// Behind it from the beginning: what was sent cannot be told.
    pub(super) const fn passed() -> Self {
        Self(AtomicU8::new(PASSED))
    }

    /// Whether the commit may be sent.
    pub(super) fn pass(&self) -> bool {
        self.0.compare_exchange(OPEN, PASSED, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// The commit surely came to nothing.
    pub(super) fn come_back(&self) {
        self.0.store(OPEN, Ordering::SeqCst);
    }

    /// Whether the caller gave up before it could be.
    pub(super) fn is_closed(&self) -> bool {
        self.0.load(Ordering::SeqCst) == CLOSED
    }

    /// Whether this was before any commit; there will be none then.
    pub(super) fn close(&self) -> bool {
        self.0.compare_exchange(OPEN, CLOSED, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}
