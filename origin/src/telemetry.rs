//! Logs and metrics of the process, set up once, and what keeps both from growing or blocking when nobody looks at them.

pub mod cache;
pub mod requests;

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

use clap::ValueEnum;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::{MissedTickBehavior, interval};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Upper bounds of the latency histogram, in seconds: those of row P1 are among them.
const LATENCY_SECONDS: &[f64] = &[0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0];
/// Upper bounds of the histogram of how old responses are, in seconds: none, the bounds of `docs/ARCHITECTURE.md` (2 s, 20 s), and the
/// hour for which a stale one may be served.
const STALENESS_SECONDS: &[f64] = &[0.0, 0.01, 0.05, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 600.0, 3_600.0];
/// How often samples are put into their buckets: until then each is there, some 17 bytes.
pub const UPKEEP_PERIOD: Duration = Duration::from_secs(5);
/// Log lines that may wait to be written; with the longest path in each that is 32 MiB. Further ones are dropped.
const WAITING_LINES: usize = 4_096;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The log. When it is dropped, the lines that still wait are written, for as long as that takes or a second.
pub struct Log {
    _writer: WorkerGuard,
    dropped: ErrorCounter,
}

/// Writes logs to standard error, on a thread of its own: whoever does not read them holds up no request, and misses what the
/// buffer of that thread cannot hold. `filter` is in the syntax of `tracing`: `info`, `kairos_origin=debug`.
///
/// # Errors
/// The filter cannot be read.
pub fn log_to_stderr(format: LogFormat, filter: &str) -> Result<Log, ParseError> {
    let filter = EnvFilter::try_new(filter)?;
    let lines = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING_LINES).thread_name("log");
    let (lines, writer) = lines.finish(std::io::stderr());
    let log = Log { _writer: writer, dropped: lines.error_counter() };
    let logs = tracing_subscriber::fmt().with_writer(lines).with_env_filter(filter);
    // Colours on a terminal, not in files.
    let logs = logs.with_ansi(std::io::stderr().is_terminal());
    // A second set-up in one process, as in tests, leaves the first as it is.
    let _ = match format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
    Ok(log)
}

impl Log {
    /// Tells how many lines were dropped.
    pub fn dropped(&self) -> impl Fn() -> u64 + Send + use<> {
        let dropped = self.dropped.clone();
        move || u64::try_from(dropped.dropped_lines()).unwrap_or(u64::MAX)
    }
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
    HANDLE.get_or_init(install).clone()
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
