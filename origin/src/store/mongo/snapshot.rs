//! Reading out of a snapshot that the server cannot give yet. Not what is read.

use std::time::Duration;

use mongodb::error::Result;
use tokio::time::{Instant, sleep};

use super::failure::is_snapshot_unavailable;
use super::jitter::jittered;
use super::time_limit::OPERATION_TIMEOUT;

/// Before it is tried again.
const PAUSE: Duration = Duration::from_millis(10);

/// What `read` gives out of a snapshot. Where something is too new for one, an index or a collection, it is tried again: it will not be for
/// long.
pub(super) async fn read_snapshot<T, F: Future<Output = Result<T>>>(read: impl Fn() -> F) -> Result<T> {
    let deadline = Instant::now() + OPERATION_TIMEOUT;
    loop {
        match read().await {
            Err(error) if is_snapshot_unavailable(&error) && Instant::now() < deadline => {
                sleep(jittered(PAUSE)).await;
            }
            done => return done,
        }
    }
}
