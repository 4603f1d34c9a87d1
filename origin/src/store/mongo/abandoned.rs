//! Transactions that will not be committed and whose connection broke: the server would hold what they wrote for up to a minute, and whoever
//! writes the same waits for that. They are ended as soon as the server is reached again. Not those that end in order.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};
use tokio::time::{Instant, sleep};

use super::MongoStore;
use super::jitter::jittered;

/// After this the server has ended it itself (`transactionLifetimeLimitSeconds`).
const LIFETIME: Duration = Duration::from_secs(60);
/// Between two looks whether the server is reached.
const PAUSE: Duration = Duration::from_millis(100);
/// After it was ended: what a frozen server had been sent before may begin it once more.
const ONCE_MORE: Duration = Duration::from_secs(1);

/// Whether the server may not have heard that the transaction is over which met this `error`.
pub(super) fn may_be_open(error: &Error) -> bool {
    matches!(
        *error.kind,
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } | ErrorKind::ServerSelection { .. }
    )
}

impl MongoStore {
    /// Ends the session `id` on the server, on a task, once it is reached. Where the server takes no such command, its own time limit has
    /// to do.
    pub(super) fn end_when_reached(&self, id: Document) {
        let (admin, reachability) = (self.database.client().database("admin"), self.reachability.clone());
        tokio::spawn(async move {
            let began = Instant::now();
            let mut times = 0;
            while times < 2 && began.elapsed() < LIFETIME {
                if reachability.acquire().is_err() {
                    sleep(jittered(PAUSE)).await;
                    continue;
                }
                match admin.run_command(doc! { "killSessions": [id.clone()] }).await {
                    Ok(_) => {
                        times += 1;
                        sleep(ONCE_MORE).await;
                    }
                    Err(error) if may_be_open(&error) => sleep(jittered(PAUSE)).await,
                    Err(error) => return tracing::debug!(%error, "an abandoned transaction is left to the server"),
                }
            }
        });
    }
}
