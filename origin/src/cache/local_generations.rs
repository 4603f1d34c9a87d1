//! What this process knows of generations, and since when. Time here is monotonic: no clock that is set makes it wrong. Not what is
//! stored under them.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use kairos_protocol::sync::generation::{Generation, Generations, Namespace};
use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

/// Each has a lock of its own.
const SHARDS: usize = 16;
/// Namespaces known in a shard: some 10 MB in all. A full one is emptied; what was in it is asked for again.
const MOST_NAMESPACES: usize = 100_000 / SHARDS;

/// See the module.
#[derive(Default)]
pub(super) struct LocalGenerations {
    hasher: RandomState,
    shards: [Mutex<HashMap<Namespace, Entry>>; SHARDS],
}

#[derive(Clone, Copy)]
struct Entry {
    number: Generation,
    /// When it was surely the current one; unless the store said so, nobody knows.
    current_at: Option<Instant>,
}

impl LocalGenerations {
    fn shard(&self, namespace: &Namespace) -> MutexGuard<'_, HashMap<Namespace, Entry>> {
        let index = usize::try_from(self.hasher.hash_one(namespace)).unwrap_or(0) % SHARDS;
        // There are as many as the index can say.
        self.shards.get(index).unwrap_or(&self.shards[0]).lock()
    }

    fn get(&self, namespace: &Namespace) -> Option<Entry> {
        self.shard(namespace).get(namespace).copied()
    }

    /// What is known, however old.
    pub(super) fn known(&self, namespaces: &[Namespace]) -> Generations {
        namespaces.iter().filter_map(|n| Some((n.clone(), self.get(n)?.number))).collect()
    }

    /// The numbers that were current at `since` or later; all of them, or none.
    pub(super) fn current(&self, namespaces: &[Namespace], since: Option<Instant>) -> Option<Generations> {
        let number = |namespace: &Namespace| {
            let entry = self.get(namespace).filter(|entry| entry.current_at.is_some() && entry.current_at >= since)?;
            Some((namespace.clone(), entry.number))
        };
        namespaces.iter().map(number).collect()
    }

    /// These numbers were given out; when they were current is not known.
    pub(super) fn learn(&self, numbers: &Generations) {
        self.raise(numbers, None);
    }

    /// The store said so, by a query or a commit that began at `at`.
    pub(super) fn confirm(&self, numbers: &Generations, at: Instant) {
        self.raise(numbers, Some(at));
    }

    fn raise(&self, numbers: &Generations, at: Option<Instant>) {
        for (namespace, number) in numbers.iter() {
            let mut shard = self.shard(namespace);
            if shard.len() >= MOST_NAMESPACES && !shard.contains_key(namespace) {
                shard.clear();
            }
            let first = Entry { number, current_at: at };
            let entry = shard.entry(namespace.clone()).or_insert(first);
            // Of two numbers the larger is the later one, whichever came first.
            if number > entry.number {
                *entry = Entry { number, current_at: at };
            } else if number == entry.number {
                entry.current_at = entry.current_at.max(at);
            }
        }
    }

    /// From now on nobody knows when they were current.
    pub(super) fn invalidate(&self, namespaces: &[Namespace]) {
        for namespace in namespaces {
            if let Some(entry) = self.shard(namespace).get_mut(namespace) {
                entry.current_at = None;
            }
        }
    }

    /// These numbers are not in the store any more: removes those that are still what is known.
    pub(super) fn remove(&self, numbers: &Generations) {
        for (namespace, number) in numbers.iter() {
            let mut shard = self.shard(namespace);
            if shard.get(namespace).is_some_and(|entry| entry.number == number) {
                shard.remove(namespace);
            }
        }
    }
}
