//! What the origin stores and what it asks for: one trait per entity, each in a file of its own with the records that go in and come
//! out, implemented by [`sqlite`] (embedded, the default) and [`mongo`] in their file of the same name. One suite
//! (`tests/tests/store.rs`) runs on both. Not here: caching, or who may do what.
//!
//! What all traits have in common: they are safe to share among any number of instances when the implementation's database is; a
//! database that is down is [`StoreError::Unavailable`] or [`StoreError::Unanswered`], after 20 s at most; and `now` is the writer's clock,
//! for [`kairos_protocol::sync::generation::Generation::next`].

pub mod accounts;
pub mod catalog;
pub mod error;
pub mod explain;
pub mod generations;
pub mod health;
pub mod keys;
pub mod mongo;
pub mod progress;
pub mod sessions;
pub mod sqlite;
pub mod timing;
mod words;

pub use accounts::AccountStore;
pub use catalog::CatalogStore;
pub use error::{Result, StoreError};
pub use generations::{GenerationStore, Versioned};
pub use health::HealthStore;
pub use keys::KeyStore;
pub use progress::ProgressStore;
pub use sessions::SessionStore;

/// A whole database: how an adapter is handed over, once, to be taken apart by who needs what.
pub trait Store:
    AccountStore + CatalogStore + GenerationStore + HealthStore + KeyStore + ProgressStore + SessionStore
{
}

impl<T> Store for T where
    T: AccountStore + CatalogStore + GenerationStore + HealthStore + KeyStore + ProgressStore + SessionStore
{
}
