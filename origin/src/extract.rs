//! What handlers take out of a request. Each extractor refuses with a problem of a stable type, so that handlers see only what
//! is well formed.

mod body;
mod described;
mod query;
mod read;
mod session;
mod slug;
mod stored;

pub use body::Body;
pub(crate) use described::{BEARER, describe_parameters, require_bearer};
pub use query::Query;
pub use read::Read;
pub use session::{AuthorSession, Session};
pub use slug::ModuleSlug;
pub use stored::stored_lookup;
