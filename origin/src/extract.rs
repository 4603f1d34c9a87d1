//! What handlers take out of a request. Each extractor refuses with a problem of a stable type, so that handlers see only what
//! is well formed.

mod address;
mod body;
mod described;
mod query;
mod read;
mod reader;
mod session;
mod slug;
mod stored;

pub use address::{ClientAddress, PeerAddress};
pub use body::Body;
pub(crate) use described::{BEARER, describe_parameters, require_bearer};
pub use query::Query;
pub use read::Read;
pub use reader::Reader;
pub use session::{AdminSession, AuthorSession, RecordingSession, Session};
pub use slug::ModuleSlug;
pub use stored::stored_lookup;
