//! Look-ups in batches: one on its way, and one waiting that all who come meanwhile share. So each gets what was looked for after it
//! came, and under load the cost per request goes towards nothing. Not what is looked up.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;

type Work<K, T> = dyn Fn(Vec<K>) -> Pin<Box<dyn Future<Output = T> + Send>> + Send + Sync;

/// Looks up many keys at once; what comes back is shared by all who asked for any of them.
pub(super) struct Batcher<K, T> {
    /// Where the work is done: where its callers are, when absent.
    runtime: Option<Handle>,
    work: Arc<Work<K, T>>,
    state: Arc<Mutex<State<K, T>>>,
    /// Keys in one batch.
    most: usize,
}

struct State<K, T> {
    is_running: bool,
    next: Option<Batch<K, T>>,
}

struct Batch<K, T> {
    keys: BTreeSet<K>,
    found: watch::Sender<Option<T>>,
}

impl<K: Clone + Ord + Send + 'static, T: Clone + Send + Sync + 'static> Batcher<K, T> {
    pub(super) fn new<F>(work: impl Fn(Vec<K>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        let state = Arc::new(Mutex::new(State { is_running: false, next: None }));
        Self { runtime: None, work: Arc::new(move |keys| Box::pin(work(keys))), state, most: usize::MAX }
    }

    /// One whose work is done on `runtime`. Batches are still gathered where the callers are: the busier it is there, the larger they
    /// get by themselves.
    pub(super) fn on<F>(runtime: &Handle, work: impl Fn(Vec<K>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        Self { runtime: Some(runtime.clone()), ..Self::new(work) }
    }

    /// The same, with so many keys in a batch: who comes to a full one is not served.
    pub(super) fn at_most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// What a look-up of `keys`, among others, finds that begins after this is called; `None` when it panicked, or would be too large.
    pub(super) async fn get(&self, keys: &[K]) -> Option<T> {
        let mut found = self.join(keys)?;
        found.wait_for(Option::is_some).await.ok().and_then(|found| found.clone())
    }

    /// Begins such a look-up, or joins one, and waits for nothing.
    pub(super) fn start(&self, keys: impl IntoIterator<Item = K>) {
        let keys: Vec<K> = keys.into_iter().collect();
        if !keys.is_empty() {
            drop(self.join(&keys));
        }
    }

    fn join(&self, keys: &[K]) -> Option<watch::Receiver<Option<T>>> {
        let mut state = self.state.lock();
        let batch = state.next.get_or_insert_with(|| Batch { keys: BTreeSet::new(), found: watch::channel(None).0 });
        if batch.keys.len() + keys.len() > self.most {
            return None;
        }
        batch.keys.extend(keys.iter().cloned());
        let found = batch.found.subscribe();
        if !state.is_running {
            state.is_running = true;
            drop(state);
            tokio::spawn(drive(self.runtime.clone(), Arc::clone(&self.work), Arc::clone(&self.state)));
        }
        Some(found)
    }
}

/// Runs batches until none waits.
async fn drive<K: Send + 'static, T: Send + Sync + 'static>(
    runtime: Option<Handle>,
    work: Arc<Work<K, T>>,
    state: Arc<Mutex<State<K, T>>>,
) {
    let runtime = runtime.unwrap_or_else(Handle::current);
    loop {
        let batch = {
            let mut state = state.lock();
            let batch = state.next.take();
            state.is_running = batch.is_some();
            batch
        };
        let Some(Batch { keys, found }) = batch else { return };
        // A panic in the look-up drops the sender: those who wait are told, and the next batch goes on.
        if let Ok(values) = runtime.spawn(work(keys.into_iter().collect())).await {
            found.send_replace(Some(values));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn who_comes_while_one_is_on_its_way_shares_the_next() {
        let gate = Arc::new(Semaphore::new(0));
        let runs = Arc::new(AtomicUsize::new(0));
        let (held, counted) = (Arc::clone(&gate), Arc::clone(&runs));
        let batcher = Arc::new(Batcher::new(move |keys: Vec<u8>| {
            let (gate, run) = (Arc::clone(&held), counted.fetch_add(1, Ordering::SeqCst));
            async move {
                gate.acquire().await.unwrap().forget();
                (run, keys)
            }
        }));
        let first = batcher.join(&[1]).unwrap();
        while runs.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let rest = [2, 3, 2].map(|key| batcher.join(&[key]).unwrap());
        gate.add_permits(2);
        let found = |mut of: watch::Receiver<Option<(usize, Vec<u8>)>>| async move {
            of.wait_for(Option::is_some).await.unwrap().clone().unwrap()
        };
        assert_eq!(found(first).await, (0, vec![1]));
        for one in rest {
            assert_eq!(found(one).await, (1, vec![2, 3]), "one look-up for all three");
        }
    }
}
