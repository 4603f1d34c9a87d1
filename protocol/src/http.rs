//! What any HTTP cache knows, as pure functions over header fields and ages: directives, freshness, validation, content coding,
//! `Cache-Status`, the canonical form of a target. Nothing in it knows Kaïros. Not here: which routes may be cached
//! ([`crate::policy`]), or where responses are stored.

pub mod cache_control;
pub mod cache_status;
pub mod encoding;
pub(crate) mod field;
pub mod freshness;
pub mod target;
pub mod validator;
