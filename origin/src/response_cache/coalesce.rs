//! Single load: of all that ask for the same thing at the same time, one fetches it. Not what is fetched.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tracing::Instrument;

/// Fetches under way, by key. The fetch runs on a task of its own, so a caller that hangs up neither stops it nor leaves its
/// key taken.
pub(super) struct Coalescer<K, T> {
    under_way: Arc<Mutex<HashMap<K, watch::Receiver<Option<T>>>>>,
}

/// What came of joining a load.
pub(super) struct Coalesced<T> {
    /// What was fetched; `None` when the fetch panicked.
    pub(super) value: Option<T>,
    /// Whether another caller had started it.
    pub(super) collapsed: bool,
}

impl<K: Clone + Eq + Hash + Send + 'static, T: Clone + Send + Sync + 'static> Coalescer<K, T> {
    pub(super) fn new() -> Self {
        Self { under_way: Arc::default() }
    }

    /// Waits for the load of `key`. If there is none, `finished` may know what the last one brought while the caller was on
    /// its way here; if not, `fetch` begins one.
    pub(super) async fn join<F>(
        &self,
        key: K,
        finished: impl FnOnce() -> Option<T>,
        fetch: impl FnOnce() -> F,
    ) -> Coalesced<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let (mut receiver, collapsed) = self.join_or_start(key, finished, fetch);
        let value = receiver.wait_for(Option::is_some).await.ok().and_then(|value| value.clone());
        Coalesced { value, collapsed }
    }

    fn join_or_start<F>(
        &self,
        key: K,
        finished: impl FnOnce() -> Option<T>,
        fetch: impl FnOnce() -> F,
    ) -> (watch::Receiver<Option<T>>, bool)
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut under_way = lock(&self.under_way);
        if let Some(receiver) = under_way.get(&key) {
            return (receiver.clone(), true);
        }
        if let Some(value) = finished() {
            return (watch::channel(Some(value)).1, true);
        }
        let (sender, receiver) = watch::channel(None);
        under_way.insert(key.clone(), receiver.clone());
        drop(under_way);
        let registration = Registration { under_way: Arc::clone(&self.under_way), key };
        let fetching = fetch().in_current_span();
        tokio::spawn(async move {
            let registration = registration;
            let value = fetching.await;
            // First gone, then finished: whoever comes now begins anew, and nobody joins what is over.
            drop(registration);
            sender.send_replace(Some(value));
        });
        (receiver, false)
    }
}

/// Takes the load off the join_or_start, also when the fetch panics.
struct Registration<K: Eq + Hash, T> {
    under_way: Arc<Mutex<HashMap<K, watch::Receiver<Option<T>>>>>,
    key: K,
}

impl<K: Eq + Hash, T> Drop for Registration<K, T> {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The map is whole between any two calls on it, so a poisoned lock guards sound data.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
