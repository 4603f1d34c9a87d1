//! What the driver tells the core: what the app wants, what came of effects, what the page and the browser do. Not what follows from it.

use kairos_protocol::api::operation::Action;

use crate::storage::row::{Refusal, Row};

/// One thing that happened. Numbers named `request` and `watch` are the driver's own, each used once; those named `read`, `write` and
/// `fetch` are those of the effect that it reports on. A report on an effect that is not known (any more) is ignored.
#[derive(Clone, Debug)]
pub enum Input {
    /// The app reads a path. Resolves with [`Outcome::Response`](crate::Outcome::Response).
    Get {
        /// Its number.
        request: u32,
        /// Path and query.
        path: String,
        /// Whether the network is asked.
        mode: Mode,
    },
    /// The app wants to hear when the response of a path may be another one.
    Watch {
        /// Its number.
        watch: u32,
        /// Path and query.
        path: String,
    },
    /// It does not any more.
    Unwatch {
        /// Its number.
        watch: u32,
    },
    /// The learner did something. Resolves with `Recorded` when it is stored.
    Mutate {
        /// Its number.
        request: u32,
        /// The module's slug.
        module: String,
        /// What was done.
        action: Action,
        /// 128 random bits: the operation's id.
        entropy: [u8; 16],
    },
    /// A rejected operation is recorded anew, perhaps changed, under a new id. Resolves as `Mutate`.
    Resend {
        /// Its number.
        request: u32,
        /// The number of the rejected one.
        number: u64,
        /// The module's slug.
        module: String,
        /// What was done.
        action: Action,
        /// 128 random bits.
        entropy: [u8; 16],
    },
    /// Rejected operations were seen and may go: those with these numbers, all if there are none. Resolves with `Done`.
    Dismiss {
        /// Its number.
        request: u32,
        /// Which.
        numbers: Vec<u64>,
    },
    /// Signs in (or up). Resolves with `SignedIn`.
    SignIn {
        /// Its number.
        request: u32,
        /// `/v1/auth/login` or `/v1/auth/register`.
        path: String,
        /// The JSON body. It passes through and is not stored.
        body: String,
        /// Whether operations of who is signed in now are dropped, if it is them who this one signs in over. Else they wait for their
        /// learner's return.
        drops_others: bool,
    },
    /// Signs out. Resolves with `Done`.
    SignOut {
        /// Its number.
        request: u32,
        /// Whether operations that wait may be lost. Then nothing is sent first.
        discard: bool,
    },
    /// Anything else in the name of who is signed in. Resolves with [`Outcome::Reply`](crate::Outcome::Reply).
    Request {
        /// Its number.
        request: u32,
        /// The method.
        method: String,
        /// Path and query.
        path: String,
        /// The JSON body.
        body: Option<String>,
    },
    /// Sends what waits. Resolves with `Done` when nothing waits.
    Sync {
        /// Its number.
        request: u32,
    },
    /// The app does not wait for the promise any more (`AbortSignal`). Resolves it as `aborted`; what was begun goes on.
    Abort {
        /// Its number.
        request: u32,
    },
    /// A response came.
    Fetched {
        /// Of this effect.
        fetch: u32,
        /// What came.
        response: HttpResponse,
    },
    /// None came: no network, too late, not allowed.
    FetchFailed {
        /// Of this effect.
        fetch: u32,
    },
    /// Rows were read, in any order.
    Rows {
        /// Of this effect.
        read: u32,
        /// Those that are there.
        rows: Vec<Row>,
    },
    /// They could not be read.
    ReadFailed {
        /// Of this effect.
        read: u32,
    },
    /// A transaction is complete.
    Committed {
        /// Of this effect.
        write: u32,
        /// The numbers of the operations that it inserted, in the order of the puts.
        numbers: Vec<u64>,
    },
    /// Nothing of a transaction was done.
    NotCommitted {
        /// Of this effect.
        write: u32,
        /// Why.
        refusal: Refusal,
    },
    /// The time that was set has come, by the clock or by the timer.
    Timer,
    /// A lock is held.
    LockGranted {
        /// Which.
        lock: Lock,
    },
    /// There are no locks here, or this one is refused.
    LockRefused {
        /// Which.
        lock: Lock,
    },
    /// A lock was held, and is not any more.
    LockLost {
        /// Which.
        lock: Lock,
    },
    /// Another tab said something.
    Message {
        /// As it was told.
        text: String,
    },
    /// The page or the browser's network changed.
    Page(PageEvent),
    /// The disk can be read and written.
    DiskOpened,
    /// There is none, or it does not open.
    DiskRefused,
    /// It was closed: by the browser, or since another tab upgrades it.
    DiskClosed,
}

impl Input {
    /// The promise that it is for.
    pub(crate) const fn request(&self) -> Option<u32> {
        match self {
            Self::Get { request, .. }
            | Self::Mutate { request, .. }
            | Self::Resend { request, .. }
            | Self::Dismiss { request, .. }
            | Self::SignIn { request, .. }
            | Self::SignOut { request, .. }
            | Self::Request { request, .. }
            | Self::Sync { request }
            | Self::Abort { request } => Some(*request),
            _ => None,
        }
    }
}

/// Whether a read asks the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By the policy of the path.
    ByPolicy,
    /// Also if a fresh response is stored.
    Revalidate,
    /// Never.
    OnlyIfCached,
}

/// What the driver hears of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageEvent {
    /// It is shown, again or at first.
    Shown,
    /// It is hidden, or about to be left (`pagehide`).
    Hidden,
    /// It is about to be frozen.
    Frozen,
    /// It goes on: from being frozen, or from the back/forward cache.
    Resumed,
    /// The browser believes that there is a network.
    Online,
    /// The browser knows that there is none.
    Offline,
}

/// The Web Locks of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lock {
    /// Whoever has it sends by itself and cleans up.
    Leader,
    /// Whoever has it renews the token.
    Session,
}

/// A response, as far as the core reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpResponse {
    /// Its status.
    pub status: u16,
    /// The body as text.
    pub body: String,
    /// `Content-Type`.
    pub content_type: String,
    /// `ETag`.
    pub etag: Option<String>,
    /// `Kairos-Gen`.
    pub generations: Option<String>,
    /// `Kairos-Degraded`.
    pub degraded: Option<String>,
    /// `Age`.
    pub age: Option<String>,
    /// `Cache-Status`.
    pub cache_status: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
}
