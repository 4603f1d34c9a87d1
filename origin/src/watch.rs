//! Writes that other processes make to an embedded store, such as an import beside a running server. Caches do not hear of them,
//! so the store is asked now and then whether there were any. Not here: instances that share a store, and a Redis to hear of each
//! other.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::cache::Cache;
use crate::store::{Result, Store};

/// How long such a write may go unnoticed.
const PERIOD: Duration = Duration::from_millis(500);

/// From now on, and for as long as the runtime lives, nothing in `cache` outlives what others write to `store` by more than half a
/// second.
///
/// # Errors
/// The store's.
pub async fn begin(store: Arc<dyn Store>, cache: Arc<dyn Cache>) -> Result<()> {
    let Some(mut known) = store.foreign_version().await? else { return Ok(()) };
    tokio::spawn(async move {
        loop {
            sleep(PERIOD).await;
            match store.foreign_version().await {
                Ok(Some(version)) if version != known => {
                    tracing::info!("another process has changed the store; its answers are made anew");
                    if cache.invalidate_all().await {
                        known = version;
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "whether others write to the store is not known"),
            }
        }
    });
    Ok(())
}
