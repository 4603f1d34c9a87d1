//! Where requests can be sent, and whether there is anybody. Not the processes behind it.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;

/// Where a request can be sent.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) name: Arc<str>,
    pub(crate) url: Arc<str>,
    pub(crate) is_edge: bool,
    /// The origin there, or behind the edge there.
    pub(crate) origin: usize,
    /// That origin's.
    pub(crate) health: watch::Receiver<Health>,
}

/// Whether an origin takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Up,
    /// It stands still, connections stay open.
    Paused,
    Down,
}

/// Resolves when a fault is to end.
pub(crate) type Lasting = Pin<Box<dyn Future<Output = ()> + Send>>;
