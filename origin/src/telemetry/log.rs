//! Log lines, written to standard error by a thread of their own. Not what is logged.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

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
    writer: Writer,
    /// What else ends with it.
    _beside: Option<Box<dyn Send + Sync>>,
}

/// The thread that writes lines.
pub(super) struct Writer {
    _guard: WorkerGuard,
    dropped: ErrorCounter,
}

/// Writes logs to standard error, on a thread of its own: whoever does not read them holds up no request, and misses what the
/// buffer of that thread cannot hold. `filter` is in the syntax of `tracing`: `info`, `kairos_origin=debug`.
///
/// # Errors
/// The filter cannot be read.
pub fn log_to_stderr(format: LogFormat, filter: &str) -> Result<Log, ParseError> {
    let filter = EnvFilter::try_new(filter)?;
    let (lines, writer) = start_writer();
    let logs = tracing_subscriber::fmt().with_writer(lines).with_env_filter(filter);
    // Colours on a terminal, not in files.
    let logs = logs.with_ansi(std::io::stderr().is_terminal());
    // A second set-up in one process, as in tests, leaves the first as it is.
    let _ = match format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
    Ok(Log { writer, _beside: None })
}

/// Starts the thread.
pub(super) fn start_writer() -> (NonBlocking, Writer) {
    let lines = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING_LINES).thread_name("log");
    let (lines, guard) = lines.finish(std::io::stderr());
    let dropped = lines.error_counter();
    (lines, Writer { _guard: guard, dropped })
}

impl Log {
    /// What `writer` writes; `beside` ends with it.
    #[cfg(feature = "otlp")]
    pub(super) fn new(writer: Writer, beside: impl Send + Sync + 'static) -> Self {
        Self { writer, _beside: Some(Box::new(beside)) }
    }

    /// Tells how many lines were dropped.
    pub fn dropped(&self) -> impl Fn() -> u64 + Send + use<> {
        let dropped = self.writer.dropped.clone();
        move || u64::try_from(dropped.dropped_lines()).unwrap_or(u64::MAX)
    }
}
