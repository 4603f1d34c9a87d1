//! Loads that go on behind responses which were given already: once for each, and so many at once. Not here: when one is begun, or what it
//! does.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::coalesce::Coalescer;

/// Under way at once. Further ones are not begun: the next who reads such a response tries again.
const MAX_REFRESHES: usize = 64;

/// See the module.
pub(super) struct Refresher {
    under_way: Coalescer<Arc<str>, ()>,
    permits: Arc<Semaphore>,
}

impl Refresher {
    pub(super) fn new() -> Self {
        Self { under_way: Coalescer::new(), permits: Arc::new(Semaphore::new(MAX_REFRESHES)) }
    }

    /// Begins to `work` on what is stored under `key`, on a task of its own, unless somebody does already or too many do. Whether it
    /// did.
    pub(super) fn start<F>(&self, key: &Arc<str>, work: impl FnOnce() -> F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else { return false };
        self.under_way.start(Arc::clone(key), move || {
            let work = work();
            async move {
                work.await;
                drop(permit);
            }
        })
    }
}
