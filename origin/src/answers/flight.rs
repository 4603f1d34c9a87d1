//! Single flight: of all that ask for the same thing at the same time, one fetches it. Not what is fetched.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tracing::Instrument;

/// Fetches under way, by key. The fetch runs on a task of its own, so a caller that hangs up neither stops it nor leaves its
/// key taken.
pub(super) struct Flights<K, T> {
    under_way: Arc<Mutex<HashMap<K, watch::Receiver<Option<T>>>>>,
}

/// What came of joining a flight.
pub(super) struct Landing<T> {
    /// What was fetched; `None` when the fetch panicked.
    pub(super) value: Option<T>,
    /// Whether another caller had started it.
    pub(super) collapsed: bool,
}

impl<K: Clone + Eq + Hash + Send + 'static, T: Clone + Send + Sync + 'static> Flights<K, T> {
    pub(super) fn new() -> Self {
        Self { under_way: Arc::default() }
    }

    /// Waits for the flight of `key`. If there is none, `landed` may know what the last one brought while the caller was on
    /// its way here; if not, `fetch` begins one.
    pub(super) async fn join<F>(
        &self,
        key: K,
        landed: impl FnOnce() -> Option<T>,
        fetch: impl FnOnce() -> F,
    ) -> Landing<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let (mut receiver, collapsed) = self.board(key, landed, fetch);
        let value = receiver.wait_for(Option::is_some).await.ok().and_then(|value| value.clone());
        Landing { value, collapsed }
    }

    fn board<F>(
        &self,
        key: K,
        landed: impl FnOnce() -> Option<T>,
        fetch: impl FnOnce() -> F,
    ) -> (watch::Receiver<Option<T>>, bool)
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut under_way = lock(&self.under_way);
        if let Some(receiver) = under_way.get(&key) {
            return (receiver.clone(), true);
        }
        if let Some(value) = landed() {
            return (watch::channel(Some(value)).1, true);
        }
        let (sender, receiver) = watch::channel(None);
        under_way.insert(key.clone(), receiver.clone());
        drop(under_way);
        let departure = Departure { under_way: Arc::clone(&self.under_way), key };
        let fetching = fetch().in_current_span();
        tokio::spawn(async move {
            let departure = departure;
            let value = fetching.await;
            // First gone, then landed: whoever comes now begins anew, and nobody joins what is over.
            drop(departure);
            sender.send_replace(Some(value));
        });
        (receiver, false)
    }
}

/// Takes the flight off the board, also when the fetch panics.
struct Departure<K: Eq + Hash, T> {
    under_way: Arc<Mutex<HashMap<K, watch::Receiver<Option<T>>>>>,
    key: K,
}

impl<K: Eq + Hash, T> Drop for Departure<K, T> {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The map is whole between any two calls on it, so a poisoned lock guards sound data.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
