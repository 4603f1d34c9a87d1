//! What goes on when an effect is done: one value for each kind. Not what is done then.

use std::rc::Rc;

use kairos_protocol::api::operation::Operation;

use crate::effect::Failure;
use crate::input::Mode;
use crate::query::Lookup;
use crate::session::Session;
use crate::storage::row::Row;
use crate::wire::Grant;

/// What was read.
#[derive(Clone, Debug)]
pub(crate) enum Reading {
    /// The session and a learner's outbox: whose.
    Mirror(Rc<str>),
    /// A stored response, for a flight.
    Stored(u32),
    /// A stored response that another tab has renewed.
    Renewed(Lookup),
    /// A part of the index of stored responses.
    Index,
    /// The session on a disk that opened late.
    Adopt,
}

/// What was written, with all that it takes to write it once more.
#[derive(Clone)]
pub(crate) enum Writing {
    /// An operation, perhaps in the place of a rejected one.
    Record { request: u32, user: Rc<str>, operation: Rc<Operation>, replaces: Option<u64> },
    /// What the origin said: number and generation, number and problem.
    Results { user: Rc<str>, confirmed: Vec<(u64, u64)>, rejected: Vec<(u64, Rc<str>)> },
    /// A response.
    Store { owner: Rc<str>, path: Rc<str>, generation: u64 },
    /// That a stored response is gone.
    Remove { owner: Rc<str>, path: Rc<str> },
    /// Somebody signs in; what waits of `drops` goes, if it is them who they sign in over.
    SignIn { request: u32, grant: Rc<Grant>, drops: Option<Rc<str>> },
    /// Somebody signs out.
    SignOut { request: u32, user: Rc<str>, discard: bool },
    /// New tokens, or that there will be none.
    Renewed(Session),
    /// Rejected operations were seen.
    Dismiss { request: u32, user: Rc<str>, numbers: Vec<u64> },
    /// The journal is trimmed: numbers, how far, up to which generation.
    Trim { user: Rc<str>, numbers: Vec<u64>, to: u64, generation: u64 },
    /// Stored responses are evicted.
    Evict(Vec<(Rc<str>, Rc<str>)>),
    /// What was in memory moves to the disk, of whomever; where that has a session, in its place.
    Adopt { session: Session, found: Session, recorded: Vec<Row> },
}

/// What a response is to.
#[derive(Clone, Debug)]
pub(crate) enum Fetching {
    /// A read.
    Flight(u32),
    /// Operations: which attempt.
    Batch(u32),
    /// A renewal.
    Renewal,
    /// A sign-in, and whose operations are dropped.
    SignIn { request: u32, drops: Option<Rc<str>> },
    /// A request of the app's own.
    Outgoing(u32),
    /// A probe.
    Probe,
    /// Nobody waits for it.
    Nothing,
}

/// What waits for the rows to be read.
#[derive(Clone)]
pub(crate) enum After {
    /// The disk was opened.
    Opened,
    /// Nothing but what is noticed by reading them.
    Heard,
    /// A response that came.
    Check(u32),
    /// A transaction that met with a conflict: it is done under what holds now.
    Rewrite(Box<Writing>, u8),
    /// A renewal, before the request.
    Renew,
    /// A renewal that was refused: the stamp of the tokens that it was for.
    RenewalRefused(u64),
    /// A sign-in is done.
    SignedIn(u32, Rc<Grant>),
    /// A read in somebody's name.
    Get { request: u32, path: String, mode: Mode, user: Option<Rc<str>> },
    /// The outbox is sent.
    Send,
    /// Who signs out is counted.
    SignOut { request: u32, user: Rc<str>, discard: bool },
}

/// Who waits for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenWaiter {
    Sender,
    Flight(u32),
    Outgoing(u32),
}

/// How far a renewal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RenewalPhase {
    /// For the lock.
    Waiting,
    /// The rows are read.
    Checking,
    Fetching,
    Writing,
}

/// A renewal under way.
#[derive(Clone, Debug)]
pub(crate) struct Renewal {
    pub(crate) phase: RenewalPhase,
    pub(crate) user: Rc<str>,
    pub(crate) refused: Option<Rc<str>>,
    pub(crate) waiters: Vec<TokenWaiter>,
    /// How often it began anew.
    pub(crate) rounds: u8,
}

/// A request of the app's own.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) request: u32,
    pub(crate) method: Rc<str>,
    pub(crate) path: Rc<str>,
    pub(crate) body: Option<Rc<str>>,
    pub(crate) user: Option<Rc<str>>,
    pub(crate) token: Option<Rc<str>>,
    pub(crate) refused: Option<Rc<str>>,
}

/// What a token waiter is told.
pub(crate) type TokenOutcome = Result<Rc<str>, Failure>;
