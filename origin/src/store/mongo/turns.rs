//! Turns among the writers of one process, so that they wait for each other instead of running into conflicts. Not needed for anything
//! to be right: other processes are not waited for.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use kairos_protocol::sync::generation::Namespace;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Writers of one namespace in this process go one after another instead of into conflicts. Namespaces share turns by chance, which
/// costs a wait and nothing else.
pub(super) struct Turns(Vec<Arc<Mutex<()>>>);

impl Default for Turns {
    fn default() -> Self {
        Self((0..64).map(|_| Arc::default()).collect())
    }
}

impl Turns {
    pub(super) async fn take(&self, namespace: &Namespace) -> Option<OwnedMutexGuard<()>> {
        let mut hasher = DefaultHasher::new();
        namespace.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % self.0.len() as u64).ok()?;
        Some(Arc::clone(self.0.get(index)?).lock_owned().await)
    }
}
