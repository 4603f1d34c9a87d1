//! A thread with a runtime of its own. What waits there for Redis never stands in the queue of the requests: with ten thousand of
//! them ready to run, a round trip of a millisecond would otherwise take a second, and look like a server that is too slow.

use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Ends with whoever holds it; what still runs on it is dropped then.
pub(super) struct Thread {
    handle: Handle,
    _held: oneshot::Sender<()>,
}

impl Thread {
    /// # Errors
    /// The system gives no thread, or no queue for its events.
    pub(super) fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (held, released) = oneshot::channel::<()>();
        let handle = runtime.handle().clone();
        // Nothing is ever sent: this ends when the sender is dropped.
        thread::Builder::new().name(name.to_owned()).spawn(move || runtime.block_on(released))?;
        Ok(Self { handle, _held: held })
    }

    /// Where to spawn.
    pub(super) const fn handle(&self) -> &Handle {
        &self.handle
    }
}
