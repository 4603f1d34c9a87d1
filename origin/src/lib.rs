//! The origin of Kaïros: its API (axum) over a store (embedded or MongoDB) and caches (in process, Redis), and the importers.
//!
//! A request's way: `routes` → `handlers` → `domain` → `store` and `cache`. Only `main` and `state` name concrete adapters.

pub mod answers;
pub mod cache;
pub mod error;
pub mod import;
pub mod machine;
pub mod store;
pub mod writes;
