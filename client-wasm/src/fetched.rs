//! What came of asking the network for one response, as plain data. Not here: the asking ([`crate::revalidate`]).

use futures_util::future::{LocalBoxFuture, Shared};

use crate::error::Result;
use crate::stored_response::{Source, StoredResponse};

/// A request on its way; all who want its response share it, and it goes on when they stop waiting.
pub(crate) type Revalidation = Shared<LocalBoxFuture<'static, Result<Fetched>>>;

/// What came.
#[derive(Clone)]
pub(crate) struct Fetched {
    /// The answer.
    pub(crate) answer: StoredResponse,
    /// The tier that gave it.
    pub(crate) source: Source,
    /// Whether it is at least as new as everything seen before.
    pub(crate) is_current: bool,
    /// Whether its `applied_sequence` says how far it reaches.
    pub(crate) is_base: bool,
}
