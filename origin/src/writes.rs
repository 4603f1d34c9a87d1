//! The one way to change what answers are made from: fence, work, release ([`crate::cache`]). Not what the work is.
//!
//! A write that the store did not answer, or that panicked, may still happen: its fence is not released but runs out.

use std::future::Future;
use std::sync::Arc;

use kairos_protocol::generation::{Generations, Namespace};
use kairos_protocol::problem::ProblemType;
use tracing::Instrument;

use crate::cache::Cache;
use crate::error::AppError;

/// Runs writes so that caches stay true.
#[derive(Clone)]
pub struct Writes {
    cache: Arc<dyn Cache>,
}

impl Writes {
    /// Writes announced to `cache`.
    #[must_use]
    pub fn new(cache: Arc<dyn Cache>) -> Self {
        Self { cache }
    }

    /// Fences `namespaces`, runs `work`, and releases them, whether it succeeded or failed. All of it runs on a task of its
    /// own: a caller that hangs up does not stop it half way. Returns the generations from which on the write is seen, for
    /// the `Kairos-Gen` of the answer; none when its end is not known.
    ///
    /// # Errors
    /// Those of `work`; a panic in it is [`ProblemType::Internal`]. The cache never makes a write fail.
    pub async fn commit<T, F>(&self, namespaces: Vec<Namespace>, work: F) -> (Result<T, AppError>, Generations)
    where
        T: Send + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        let cache = Arc::clone(&self.cache);
        let whole = async move {
            let fence = cache.fence(namespaces).await;
            let outcome = tokio::spawn(work.in_current_span()).await;
            let outcome = outcome.unwrap_or_else(|stopped| Err(defect("the write stopped", &stopped)));
            if outcome.as_ref().is_err_and(|error| error.may_have_happened) {
                cache.let_expire(fence).await;
                return (outcome, Generations::default());
            }
            (outcome, cache.release(fence).await)
        };
        let finished = tokio::spawn(whole.in_current_span()).await;
        finished.unwrap_or_else(|stopped| (Err(defect("the write's task stopped", &stopped)), Generations::default()))
    }
}

fn defect(what: &str, stopped: &tokio::task::JoinError) -> AppError {
    let error = AppError::with_cause(ProblemType::Internal, format!("{what}: {stopped}"));
    AppError { may_have_happened: true, ..error }
}
