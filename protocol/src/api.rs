//! The API as it travels: paths, header fields, wire types, and every error there is. Not here: what operations do to records
//! ([`crate::sync::reducer`]), or how a response may be cached ([`crate::policy`]).

pub mod account;
pub mod cache;
pub mod catalog;
#[cfg(feature = "openapi")]
pub mod described;
pub mod headers;
pub mod health;
pub mod history;
pub mod ids;
pub mod operation;
pub mod page;
pub mod paths;
pub mod problem;
pub mod progress;
#[cfg(feature = "openapi")]
pub mod schema;
pub mod tutor;
mod whole;
