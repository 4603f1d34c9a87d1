//! The time limits that everything sent to MongoDB has. Not how they are kept: that is where things are sent.

use std::time::Duration;

/// Row C1: the longest that one method may take, however many commands it sends.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a method waits for a server that can take it: long enough for an election to end, short enough for a clear 503.
pub(super) const SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(5);
