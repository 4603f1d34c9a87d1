//! What came of asking the network for one response, as plain data. Not here: the asking ([`crate::revalidate`]).

use futures_util::future::{LocalBoxFuture, Shared};

use crate::error::Result;
use crate::stored_response::{Base, Source, StoredResponse};

/// A request on its way; all who want its response share it, and it goes on when they stop waiting.
pub(crate) type Revalidation = Shared<LocalBoxFuture<'static, Result<Fetched>>>;

/// A response from the network, and how far it can be relied on.
#[derive(Clone)]
pub(crate) struct Fetched {
    /// As it is stored, if it is.
    pub(crate) response: StoredResponse,
    pub(crate) source: Source,
    /// Whether it is at least as new as everything seen before.
    pub(crate) is_current: bool,
    pub(crate) base: Base,
}
