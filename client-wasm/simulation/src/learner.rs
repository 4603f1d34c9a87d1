//! What a learner did in this browser, and what an app waits for: what the checks know. Not the checks ([`crate::checks`]).

use crate::names::Set;

/// What a promise is of.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// A read.
    Get {
        path: String,
        user: Option<usize>,
        /// What the tab had been given by then.
        seen: [u64; 2],
        /// What it must show at least.
        least: Set,
        /// Whether it must show exactly what the origin has.
        is_last: bool,
    },
    /// An operation.
    Mutate {
        user: usize,
        index: u8,
    },
    /// Whose operations are dropped.
    SignIn {
        user: usize,
        drops: Option<usize>,
    },
    /// Likewise.
    SignOut(Option<usize>),
    Other,
}

/// An acknowledged operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) index: u8,
    pub(crate) at: i64,
    pub(crate) tab: usize,
    pub(crate) life: u32,
    pub(crate) is_durable: bool,
}

/// What one learner did in this browser.
#[derive(Clone, Debug, Default)]
pub(crate) struct Learner {
    /// The next operation's index.
    pub(crate) next: u8,
    pub(crate) recorded: Set,
    /// Which were ever on disk.
    pub(crate) written: Set,
    pub(crate) acknowledged: Vec<Acknowledged>,
    /// Which the origin will reject.
    pub(crate) hopeless: Set,
    /// Which may be lost, since the app said so.
    pub(crate) discarded: Set,
    /// How often the app has said so of all that wait when it is done, and it is not done yet.
    pub(crate) discarding: u32,
}
