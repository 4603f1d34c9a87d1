//! What handlers take out of a request. Each extractor refuses with a problem of a stable type, so that handlers see only what
//! is well formed.

mod ask;
mod body;
mod query;
mod session;
mod slug;

pub use ask::Read;
pub use body::Body;
pub(crate) use body::what_was_expected;
pub use query::Query;
pub use session::{AuthorSession, Session};
pub use slug::ModuleSlug;
