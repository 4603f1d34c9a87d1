//! What the three tiers agree on. Four parts, each of which knows only those before it:
//!
//! - [`http`]: what any HTTP cache knows (RFC 9110, 9111, 5861, 9211, 9213), and nothing of Kaïros;
//! - [`api`]: the wire types, paths, header fields and problem types;
//! - [`sync`]: what keeps distributed state true, generations and the progress reducer;
//! - [`policy`]: the cache policy table, above all three.
//!
//! Not here: I/O, clocks, randomness, or anything that only one tier needs. Every function that depends on the time takes
//! `now` as an argument, so the same input gives the same result in a server, in workerd and in a browser.

pub mod api;
pub mod http;
pub mod policy;
pub mod sync;

/// Milliseconds since 1970-01-01T00:00:00Z. Every field that ends in `_ms` and names a moment is one.
pub type UnixMillis = i64;
