//! What the service does, knowing nothing of HTTP: accounts and their sessions, the catalogue, learners' progress. Handlers call it; it
//! calls the store, each part through the traits of the entities that it is about.

pub mod accounts;
pub mod catalog;
pub mod cursor;
pub mod error;
pub mod json;
pub mod progress;
pub mod purge;
pub mod readiness;
pub mod sessions;
