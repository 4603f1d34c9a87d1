//! Who waits for the numbers of namespaces to grow: each namespace that is watched has one newest number, which all its watchers share,
//! so that none of them can fall behind. Not where the numbers come from ([`super::Cache`]).

use std::collections::HashMap;
use std::sync::Arc;

use kairos_protocol::sync::generation::{Generation, Generations, Namespace};
use parking_lot::Mutex;
use tokio::sync::watch;

/// See the module. There is an entry only for what somebody watches.
#[derive(Default)]
pub(super) struct Watched(Mutex<HashMap<Namespace, Entry>>);

struct Entry {
    number: watch::Sender<Generation>,
    watchers: usize,
}

/// The newest number of one namespace, as far as this process has heard. Ends when it is dropped.
pub struct Watch {
    watched: Arc<Watched>,
    namespace: Namespace,
    number: watch::Receiver<Generation>,
}

impl Watched {
    pub(super) fn watch(self: &Arc<Self>, namespace: Namespace) -> Watch {
        let mut entries = self.0.lock();
        let new = || Entry { number: watch::Sender::new(Generation::default()), watchers: 0 };
        let entry = entries.entry(namespace.clone()).or_insert_with(new);
        entry.watchers += 1;
        let number = entry.number.subscribe();
        Watch { watched: Arc::clone(self), namespace, number }
    }

    /// Tells the watchers, each of those that has a smaller number. Whether there is one.
    pub(super) fn raise(&self, numbers: &Generations) -> bool {
        let entries = self.0.lock();
        let mut is_news = false;
        if entries.is_empty() {
            return is_news;
        }
        for (namespace, number) in numbers.iter() {
            if let Some(entry) = entries.get(namespace) {
                is_news |= entry.number.send_if_modified(|newest| {
                    let is_newer = number > *newest;
                    *newest = number.max(*newest);
                    is_newer
                });
            }
        }
        is_news
    }

    /// What somebody watches.
    pub(super) fn namespaces(&self) -> Vec<Namespace> {
        self.0.lock().keys().cloned().collect()
    }
}

impl Watch {
    /// What is watched.
    #[must_use]
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The newest number; 0 while none was heard of. [`Watch::changed`] waits for one after it.
    pub fn newest(&mut self) -> Generation {
        *self.number.borrow_and_update()
    }

    /// Waits until there is a number that [`Watch::newest`] has not given. May be dropped half way.
    pub async fn changed(&mut self) {
        // The sender lives as long as this.
        let _ = self.number.changed().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut entries = self.watched.0.lock();
        if let Some(entry) = entries.get_mut(&self.namespace) {
            entry.watchers -= 1;
            if entry.watchers == 0 {
                entries.remove(&self.namespace);
            }
        }
    }
}
