//! Whether the database takes writes.

use async_trait::async_trait;

use super::error::Result;

/// The database itself, whatever is in it.
#[async_trait]
pub trait HealthStore: Send + Sync + 'static {
    /// Whether the database takes writes: makes one that nobody reads. On a database over the network, within a second.
    async fn ping(&self) -> Result<()>;
}
