//! What handlers take out of a request. Each extractor refuses with a problem of a stable type, so that handlers see only what
//! is well formed.

mod body;
mod query;
mod read;
mod session;
mod slug;

pub use body::Body;
pub use query::Query;
pub use read::Read;
pub use session::{AuthorSession, Session};
pub use slug::ModuleSlug;
