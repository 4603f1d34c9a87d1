//! What the three tiers agree on: routes, wire types, cache policy, generations, freshness and the progress reducer.
//!
//! Not here: I/O, clocks, randomness, or anything that only one tier needs. Every function that depends on the time takes
//! `now` as an argument, so the same input gives the same answer in a server, in workerd and in a browser.

pub mod account;
pub mod cache_control;
pub mod cache_status;
pub mod catalog;
pub mod encoding;
mod field;
pub mod freshness;
pub mod generation;
pub mod headers;
pub mod ids;
pub mod operation;
pub mod page;
pub mod paths;
pub mod policy;
pub mod problem;
pub mod progress;
pub mod reducer;
pub mod validator;
mod whole;

/// Milliseconds since 1970-01-01T00:00:00Z. Every field that ends in `_ms` and names a moment is one.
pub type UnixMillis = i64;
