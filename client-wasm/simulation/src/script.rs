//! What a test has arranged to go wrong, and what it has seen. Not the scenes ([`crate::scene`]).

use kairos_client_core::{Event, Failure, Fetch, HttpResponse, Outcome, Transaction};

/// What a test has arranged, and what it has seen.
#[derive(Default)]
pub(crate) struct Script {
    /// No request arrives.
    pub(crate) is_cut: bool,
    /// Responses to this path are lost once they were made.
    pub(crate) loses: Option<&'static str>,
    /// What is answered in the origin's place.
    pub(crate) instead: Option<fn(&Fetch) -> Option<HttpResponse>>,
    /// How long a request to this path takes.
    pub(crate) holds: Option<(&'static str, i64)>,
    /// Why transactions with stored responses are refused.
    pub(crate) is_full: bool,
    /// What was sent.
    pub(crate) sent: Vec<(usize, Fetch)>,
    /// Transactions begun.
    pub(crate) written: Vec<Transaction>,
    /// Reads of rows, in number of ranges.
    pub(crate) reads: usize,
    /// What promises resolved with.
    pub(crate) resolved: Vec<(usize, u32, Result<Outcome, Failure>)>,
    /// What listeners were told.
    pub(crate) events: Vec<(usize, Event)>,
}
