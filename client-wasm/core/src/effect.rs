//! What the core tells the driver to do, and what promises resolve with. Not how it is done.

use std::rc::Rc;

use crate::input::Lock;
use crate::storage::row::{Range, Transaction};

/// One thing to do. Effects are done in the order in which they come; what is reported may come in any.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Send a request: `Fetched` or `FetchFailed`.
    Fetch(Fetch),
    /// Read rows in one transaction: `Rows` or `ReadFailed`.
    Read {
        /// Its number.
        read: u32,
        /// What.
        ranges: Vec<Range>,
    },
    /// Do a transaction: `Committed` or `NotCommitted`.
    Write {
        /// Its number.
        write: u32,
        /// What.
        transaction: Transaction,
    },
    /// Give a `Timer` at this time, in the place of the one set before.
    SetTimer {
        /// Milliseconds since 1970, by the clock that inputs come with.
        at_ms: i64,
    },
    /// Ask for a lock: `LockGranted` or `LockRefused`, in any time.
    RequestLock(Lock),
    /// Give it up, or ask no more.
    ReleaseLock(Lock),
    /// Tell all other tabs of this database.
    Tell(String),
    /// A promise is done.
    Resolve {
        /// The request's number.
        request: u32,
        /// With what.
        outcome: Result<Outcome, Failure>,
    },
    /// What a watched path would give may be another response now.
    Notify {
        /// The watch's number.
        watch: u32,
    },
    /// Listeners are told.
    Emit(Event),
}

/// A request to Kaïros. No cookies, no cache, no redirects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetch {
    /// Its number.
    pub fetch: u32,
    /// `GET`, `POST`, …
    pub method: Rc<str>,
    /// Path and query.
    pub path: Rc<str>,
    /// JSON.
    pub body: Option<Rc<str>>,
    /// Bearer's access token.
    pub token: Option<Rc<str>>,
    /// `If-None-Match`.
    pub etag: Option<Rc<str>>,
    /// `Kairos-Min-Gen`.
    pub min_generation: Option<String>,
    /// After how many milliseconds it has failed.
    pub timeout_ms: u32,
}

/// What a promise resolves with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A read.
    Response(Response),
    /// An operation is stored.
    Recorded {
        /// Its id.
        id: Rc<str>,
        /// Whether it survives the page.
        is_durable: bool,
    },
    /// Who signed in: a profile, as JSON.
    SignedIn(Rc<str>),
    /// What the origin said to a request of the app's own.
    Reply {
        /// Its status.
        status: u16,
        /// Its body.
        body: Rc<str>,
    },
    /// It is done.
    Done,
}

/// What a read gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// JSON, with the learner's operations applied.
    pub body: Rc<str>,
    /// Where it comes from.
    pub source: Source,
    /// Whether something newer may exist, or some of the learner's operations may not show.
    pub is_stale: bool,
    /// Whether it shows everything that the learner did here. It does not where nobody knows what the response includes of that, and there is
    /// nothing else to show.
    pub is_complete: bool,
    /// Milliseconds since it was generated.
    pub age_ms: i64,
    /// The generation of what it depends on; 0: unknown.
    pub generation: u64,
    /// Operations of the learner that wait and show in it.
    pub pending: usize,
    /// `Kairos-Degraded`.
    pub degraded: Option<Rc<str>>,
    /// The policy's name.
    pub policy: &'static str,
}

/// Where a response comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This tab's memory.
    Memory,
    /// This browser's disk.
    Disk,
    /// The edge's cache.
    Edge,
    /// The origin.
    Origin,
}

/// Why a promise is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Stable.
    pub code: Code,
    /// The server's problem, as JSON.
    pub problem: Option<Rc<str>>,
}

/// What kind of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// No response from Kaïros.
    Offline,
    /// Nobody is signed in, or the session has ended.
    Unauthenticated,
    /// Signing out would lose operations.
    PendingOperations,
    /// The origin said nothing known of some operations.
    Unconfirmed,
    /// Not a path, a slug or an action.
    InvalidArgument,
    /// The disk took nothing.
    Storage,
    /// By [`Input::Abort`](crate::Input::Abort).
    Aborted,
    /// The last part of the server's problem type.
    Problem(Rc<str>),
}

/// What listeners are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something in the [`Status`](crate::Status) changed.
    Status,
    /// The session is over.
    SignedOut(SignedOut),
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedOut {
    /// By signing out, in whatever tab; the data is removed.
    SignOut,
    /// The server refused to renew it; data and operations stay for the learner's return.
    Expired,
    /// Somebody else signed in.
    Replaced,
}

impl Failure {
    /// Without a problem.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self { code, problem: None }
    }
}
