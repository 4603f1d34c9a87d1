//! Logs and metrics of the process, set up once.

use std::io::IsTerminal;
use std::sync::OnceLock;

use clap::ValueEnum;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Upper bounds of the latency histogram, in seconds: those of row P1 are among them.
const LATENCY_SECONDS: &[f64] = &[0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0];

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Writes logs to standard error. `filter` is in the syntax of `tracing`: `info`, `kairos_origin=debug`.
///
/// # Errors
/// The filter cannot be read.
pub fn log_to_stderr(format: LogFormat, filter: &str) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(filter)?;
    let logs = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    // Colours on a terminal, not in files.
    let logs = logs.with_ansi(std::io::stderr().is_terminal());
    // A second set-up in one process, as in tests, leaves the first as it is.
    let _ = match format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
    Ok(())
}

/// Records the metrics of this process; the handle shows them. `None` when something else records them already.
pub fn record_metrics() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let install = || {
        let latency = Matcher::Suffix("_seconds".to_owned());
        PrometheusBuilder::new().set_buckets_for_metric(latency, LATENCY_SECONDS).ok()?.install_recorder().ok()
    };
    HANDLE.get_or_init(install).clone()
}
