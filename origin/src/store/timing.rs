//! How long each operation of a store took: a metric for every one (`kairos_store_seconds`), a line in the log for a slow one. Both
//! carry the operation's name and never a value, which may be personal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tracing::Instrument;

use crate::telemetry::request_trace::{TRACES, add_store_time};

/// What is slow unless the operator says otherwise.
pub const SLOW: Duration = Duration::from_millis(100);

/// One for the process, like the log and the metrics that it is for.
static SLOW_MS: AtomicU64 = AtomicU64::new(SLOW.as_millis() as u64);

/// From now on, what takes at least `threshold` is logged.
pub fn log_from(threshold: Duration) {
    SLOW_MS.store(u64::try_from(threshold.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// What `work` gives, with its time recorded under `operation`. One that is dropped half way is not recorded.
pub(super) async fn timed<T>(operation: &'static str, work: impl IntoFuture<Output = T>) -> T {
    let began = Instant::now();
    let span = tracing::trace_span!(target: TRACES, "store", otel.kind = "client", otel.name = operation);
    let done = work.into_future().instrument(span).await;
    record(operation, began.elapsed());
    done
}

/// The same of what took its time elsewhere.
pub(super) fn record(operation: &'static str, took: Duration) {
    metrics::histogram!("kairos_store_seconds", "operation" => operation).record(took.as_secs_f64());
    add_store_time(took);
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if ms >= SLOW_MS.load(Ordering::Relaxed) {
        tracing::warn!(operation, ms, "slow query");
    }
}
