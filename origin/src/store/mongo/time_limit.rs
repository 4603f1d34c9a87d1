//! The one time limit that everything sent to MongoDB has. Not how it is kept: that is where things are sent.

use std::time::Duration;

/// Row C1: the longest that one method may take, however many commands it sends.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_secs(20);
