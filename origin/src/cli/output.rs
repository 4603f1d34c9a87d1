//! Lines for whoever runs a command. Not logs, which go through `tracing`.

use std::io::Write;

/// Prints a line at once. That nobody reads it any more (`| head`) is no reason to stop.
pub(super) fn say(line: &str) {
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// The same on standard error.
pub fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
