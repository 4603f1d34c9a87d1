//! What happens in a world. Not what follows.

use kairos_client_core::{Fetch, HttpResponse, Input, Range, Transaction};

/// What happens at some time. A tab that has died since is another one: `life` tells.
pub(crate) enum What {
    /// The core hears of something.
    Report { tab: usize, life: u32, input: Input },
    /// The disk does a transaction.
    Do { tab: usize, life: u32, write: u32, transaction: Transaction },
    /// The disk reads.
    Look { tab: usize, life: u32, read: u32, ranges: Vec<Range> },
    /// A request arrives.
    Arrive { tab: usize, life: u32, fetch: Fetch, way: Way },
    /// A timer.
    Fire { tab: usize, life: u32, set: u64 },
    /// The app does something.
    App { tab: usize, life: u32 },
    /// A tab is opened.
    Open { tab: usize },
    /// A tab goes on.
    Thaw { tab: usize, life: u32 },
    /// Something may go wrong.
    Tick,
}

/// What becomes of a request.
pub(crate) enum Way {
    /// It is answered after so many milliseconds.
    Through(i64),
    /// It is answered, and nobody hears of it.
    ResponseLost,
    /// Something else answers.
    Instead(Box<HttpResponse>),
}
