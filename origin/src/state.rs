//! What every handler shares: the adapters that the process was started with, behind their traits.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;

use crate::auth::passwords::Passwords;
use crate::auth::refresh::Successors;
use crate::auth::tokens::Tokens;
use crate::cache::Cache;
use crate::domain::readiness::Readiness;
use crate::environment::Environment;
use crate::error::Result;
use crate::response_cache::{DEFAULT_CAPACITY_BYTES, ResponseCache};
use crate::store::Store;
use crate::writes::Writes;

/// The service's state. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The database.
    pub store: Arc<dyn Store>,
    /// What the caches are made of, for what is neither a read nor a write of the API.
    pub cache: Cache,
    /// Reads that may be answered from a cache.
    pub responses: ResponseCache,
    /// Writes, announced to the caches.
    pub writes: Writes,
    /// Passwords.
    pub passwords: Passwords,
    /// Access tokens.
    pub tokens: Arc<Tokens>,
    /// Refresh tokens.
    pub successors: Arc<Successors>,
    /// Whether the store takes writes.
    pub readiness: Readiness,
    /// Time and randomness.
    pub environment: Environment,
    /// What `/metrics` shows, where the process records metrics.
    pub metrics: Option<PrometheusHandle>,
}

impl AppState {
    /// Puts the service together. Takes the signing key from the store, making one if it has none.
    ///
    /// # Errors
    /// The store cannot be reached.
    pub async fn assemble(
        store: Arc<dyn Store>,
        cache: Cache,
        environment: Environment,
        metrics: Option<PrometheusHandle>,
    ) -> Result<Self> {
        let key = store.signing_key(&Tokens::generate_key(&environment)?).await?;
        Ok(Self {
            store,
            cache: cache.clone(),
            responses: ResponseCache::new(cache.clone(), environment.clone(), DEFAULT_CAPACITY_BYTES),
            writes: Writes::new(cache),
            passwords: Passwords::new(environment.clone())?,
            tokens: Arc::new(Tokens::new(&key, environment.clone())),
            successors: Arc::new(Successors::new(&key)?),
            readiness: Readiness::default(),
            environment,
            metrics,
        })
    }
}
