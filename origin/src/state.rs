//! What every handler shares: the adapters that the process was started with, behind their traits.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;

use crate::answers::{Answers, DEFAULT_CAPACITY_BYTES};
use crate::auth::passwords::Passwords;
use crate::auth::refresh::Successors;
use crate::auth::tokens::Tokens;
use crate::cache::Cache;
use crate::domain::readiness::Readiness;
use crate::error::Result;
use crate::machine::Machine;
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
    pub answers: Answers,
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
    pub machine: Machine,
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
        machine: Machine,
        metrics: Option<PrometheusHandle>,
    ) -> Result<Self> {
        let key = store.signing_key(&Tokens::generate_key(&machine)?).await?;
        Ok(Self {
            store,
            cache: cache.clone(),
            answers: Answers::new(cache.clone(), machine.clone(), DEFAULT_CAPACITY_BYTES),
            writes: Writes::new(cache),
            passwords: Passwords::new(machine.clone())?,
            tokens: Arc::new(Tokens::new(&key, machine.clone())),
            successors: Arc::new(Successors::new(&key)?),
            readiness: Readiness::default(),
            machine,
            metrics,
        })
    }
}
