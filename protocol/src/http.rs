//! What any HTTP cache knows, as pure functions over header fields, ages and statuses: what may be stored (RFC 9111 §3), how old
//! and how fresh it is (§4.2, RFC 5861, RFC 9213), what it varies by (§4.1), validation (§4.3, RFC 9110 §13), content codings,
//! `Cache-Status` (RFC 9211), the canonical form of a target.
//!
//! Nothing in it knows whose responses these are: it uses no other module of this crate but for [`crate::UnixMillis`]. Not here:
//! where responses are stored, and how they are looked up.

pub mod cache_control;
pub mod cache_status;
pub mod encoding;
pub mod field;
pub mod freshness;
pub mod storability;
pub mod target;
pub mod validation;
pub mod validator;
pub mod vary;
