//! The one outcome that is not a failure: the person stopped the command. Everything else is an `anyhow::Error`.

use std::fmt;

/// Ctrl-C, SIGTERM or SIGHUP came; whoever waits gives up with this, and what was started is stopped on the way out.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}
