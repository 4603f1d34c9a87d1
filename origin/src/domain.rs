//! What the service does, without HTTP: accounts, the catalogue, learners. Handlers call it; it calls the store.

pub mod accounts;
pub mod catalog;
pub mod cursor;
pub mod learners;
pub mod readiness;
