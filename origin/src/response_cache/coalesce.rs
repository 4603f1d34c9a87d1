//! Request collapsing: of all that ask for the same thing at the same time, one fetches it. Not what is fetched.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::telemetry::request_trace::carried;

/// Fetches under way, by key. A fetch runs on a task of its own, so a caller that hangs up neither stops it nor leaves its key
/// taken.
pub(super) struct Coalescer<K, T> {
    under_way: UnderWay<K, T>,
}

type UnderWay<K, T> = Arc<Mutex<HashMap<K, watch::Receiver<Option<T>>>>>;

/// What came of a fetch, for one of those who waited for it.
pub(super) struct Coalesced<T> {
    pub(super) value: T,
    /// Whether another caller had begun it.
    pub(super) collapsed: bool,
}

impl<K: Clone + Eq + Hash + Send + 'static, T: Clone + Send + Sync + 'static> Coalescer<K, T> {
    pub(super) fn new() -> Self {
        Self { under_way: Arc::default() }
    }

    /// Waits for the fetch of `key`. If there is none, `finished` may know what the last one brought while the caller was on
    /// its way here; if not, `fetch` begins one. `None`: it panicked.
    pub(super) async fn join<F>(
        &self,
        key: K,
        finished: impl FnOnce() -> Option<T>,
        fetch: impl FnOnce() -> F,
    ) -> Coalesced<Option<T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let Coalesced { value: mut receiver, collapsed } = self.join_or_start(key, finished, fetch);
        let value = receiver.wait_for(Option::is_some).await.ok().and_then(|value| value.clone());
        Coalesced { value, collapsed }
    }

    /// Begins the fetch of `key`, unless one is under way, and waits for nothing. Whether it did.
    pub(super) fn start<F>(&self, key: K, fetch: impl FnOnce() -> F) -> bool
    where
        F: Future<Output = T> + Send + 'static,
    {
        !self.join_or_start(key, || None, fetch).collapsed
    }

    fn join_or_start<F>(
        &self,
        key: K,
        finished: impl FnOnce() -> Option<T>,
        fetch: impl FnOnce() -> F,
    ) -> Coalesced<watch::Receiver<Option<T>>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut under_way = self.under_way.lock();
        if let Some(receiver) = under_way.get(&key) {
            return Coalesced { value: receiver.clone(), collapsed: true };
        }
        if let Some(value) = finished() {
            return Coalesced { value: watch::channel(Some(value)).1, collapsed: true };
        }
        let (sender, receiver) = watch::channel(None);
        under_way.insert(key.clone(), receiver.clone());
        drop(under_way);
        let registration = Registration { under_way: Arc::clone(&self.under_way), key };
        let fetching = carried(fetch());
        tokio::spawn(async move {
            let registration = registration;
            let value = fetching.await;
            // First gone, then finished: whoever comes now begins anew, and nobody joins what is over.
            drop(registration);
            sender.send_replace(Some(value));
        });
        Coalesced { value: receiver, collapsed: false }
    }
}

/// A fetch's place among those under way, which it loses when it ends, also by a panic.
struct Registration<K: Eq + Hash, T> {
    under_way: UnderWay<K, T>,
    key: K,
}

impl<K: Eq + Hash, T> Drop for Registration<K, T> {
    fn drop(&mut self) {
        self.under_way.lock().remove(&self.key);
    }
}
