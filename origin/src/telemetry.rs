//! Logs and metrics of the process, set up once, and what keeps both from growing or blocking when nobody looks at them.

pub mod cache;
pub mod catalog;
mod log;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod request_trace;
pub mod requests;
pub mod trace_context;

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::{MissedTickBehavior, interval};
use tracing::Span;

pub use self::log::{Log, LogFormat, log_to_stderr};
use self::trace_context::TraceContext;

/// Upper bounds of the latency histogram, in seconds: those of row P1 are among them.
const LATENCY_SECONDS: &[f64] = &[0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0];
/// Upper bounds of the histogram of how old responses are, in seconds: none, the bounds of `docs/ARCHITECTURE.md` (2 s, 20 s), and the
/// hour for which a stale one may be served.
const STALENESS_SECONDS: &[f64] = &[0.0, 0.01, 0.05, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 600.0, 3_600.0];
/// How often samples are put into their buckets: until then each is there, some 17 bytes.
pub const UPKEEP_PERIOD: Duration = Duration::from_secs(5);

/// The context of `span` where it is exported, as part of the trace of its `caller`, if it has one.
#[cfg(feature = "otlp")]
pub fn exported(span: &Span, caller: Option<TraceContext>) -> Option<TraceContext> {
    otlp::context(span, caller)
}

/// Nothing is exported without the feature `otlp`.
#[cfg(not(feature = "otlp"))]
pub const fn exported(_: &Span, _: Option<TraceContext>) -> Option<TraceContext> {
    None
}

/// Records the metrics of this process; the handle shows them. `None` when something else records them already.
pub fn record_metrics() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let install = || {
        let latency = Matcher::Suffix("_seconds".to_owned());
        let staleness = Matcher::Full("kairos_staleness_seconds".to_owned());
        let builder = PrometheusBuilder::new().set_buckets_for_metric(latency, LATENCY_SECONDS).ok()?;
        builder.set_buckets_for_metric(staleness, STALENESS_SECONDS).ok()?.install_recorder().ok()
    };
    let handle = HANDLE.get_or_init(install).clone();
    catalog::describe();
    handle
}

/// Keeps the metrics small where nobody asks for them, and counts the log lines that were dropped: once each `period`, for good.
pub async fn keep_up(metrics: PrometheusHandle, period: Duration, dropped_lines: impl Fn() -> u64) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
        metrics::counter!("kairos_log_lines_dropped_total").absolute(dropped_lines());
    }
}
