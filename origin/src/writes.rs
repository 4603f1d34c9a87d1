//! The one way to change what responses are made from: commit, announce, acknowledge ([`crate::cache`]). Not what the work is.

use std::future::Future;

use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::sync::generation::Namespace;
use tokio::time::Instant;

use crate::cache::Cache;
use crate::domain::error::{DomainError, Result};
use crate::store::Versioned;
use crate::telemetry::request_trace::carried;

/// Runs writes so that caches stay true.
#[derive(Clone)]
pub struct Writes {
    cache: Cache,
}

impl Writes {
    /// Writes announced to `cache`.
    #[must_use]
    pub const fn new(cache: Cache) -> Self {
        Self { cache }
    }

    /// Runs `work`, which writes to `namespaces`, and announces what came of it. All of it runs on a task of its own: a caller
    /// that hangs up does not stop it half way.
    ///
    /// # Errors
    /// Those of `work`; a panic in it is [`ProblemType::Internal`]. The cache never makes a write fail.
    pub async fn commit<T, F>(&self, namespaces: Vec<Namespace>, work: F) -> Result<Versioned<T>>
    where
        T: Send + 'static,
        F: Future<Output = Result<Versioned<T>>> + Send + 'static,
    {
        let cache = self.cache.clone();
        let whole = async move {
            let began = Instant::now();
            let done = tokio::spawn(carried(work)).await;
            let done = done.unwrap_or_else(|stopped| Err(defect("the write stopped", &stopped)));
            match &done {
                Ok(done) => cache.announce(&done.generations, began).await,
                Err(error) if error.may_have_happened => cache.invalidate(&namespaces).await,
                Err(error) => cache.announce(&error.generations, began).await,
            }
            done
        };
        let finished = tokio::spawn(carried(whole)).await;
        finished.unwrap_or_else(|stopped| Err(defect("the write's task stopped", &stopped)))
    }
}

fn defect(what: &str, stopped: &tokio::task::JoinError) -> DomainError {
    let error = DomainError::with_cause(ProblemType::Internal, format!("{what}: {stopped}"));
    DomainError { may_have_happened: true, ..error }
}
