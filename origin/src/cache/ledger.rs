//! What this process knows of generations and of its own writes under way: all there is without Redis, and with it the floor
//! under what Redis says. Not here: entries.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kairos_protocol::UnixMillis;
use kairos_protocol::generation::{Generation, Generations, Namespace};

use super::{Fence, Snapshot, Standing, adoption};

/// Namespaces remembered at once: some 10 MB. Beyond it all are forgotten, which only makes their entries old.
const MOST_NAMESPACES: usize = 100_000;

/// The generations and the writers of this process.
#[derive(Default)]
pub(crate) struct Ledger {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    generations: HashMap<Namespace, Generation>,
    /// The namespaces of each write under way, by its token.
    writers: HashMap<String, Vec<Namespace>>,
    /// The largest generation ever forgotten: a namespace that comes back starts above it.
    forgotten: Generation,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics half way, so a poisoned lock guards sound data.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current generations as this process knows them, those the caller has `seen` taken into account.
    pub(crate) fn snapshot(&self, namespaces: &[Namespace], seen: &Generations, now: UnixMillis) -> Snapshot {
        let mut inner = self.lock();
        let mut standing = if inner.is_fenced(namespaces) { Standing::Fenced } else { Standing::Settled };
        let mut current = |namespace: &Namespace| {
            let known = inner.current(namespace, now);
            let Some(seen) = seen.get(namespace).filter(|seen| *seen > known) else {
                return known;
            };
            if let Some(adopted) = adoption(known, seen, now) {
                inner.generations.insert(namespace.clone(), adopted);
                return adopted;
            }
            standing = Standing::Behind;
            known
        };
        let generations = namespaces.iter().map(|n| (n.clone(), current(n))).collect();
        Snapshot { generations, standing, longest_use_ms: None }
    }

    /// What is known of each namespace, 0 where nothing is.
    pub(crate) fn floors(&self, namespaces: &[Namespace]) -> Vec<Generation> {
        let inner = self.lock();
        namespaces.iter().map(|n| inner.generations.get(n).copied().unwrap_or_default()).collect()
    }

    /// Takes over what Redis says, where it is more.
    pub(crate) fn learn(&self, generations: &Generations) {
        let mut inner = self.lock();
        for (namespace, generation) in generations.iter() {
            match inner.generations.get_mut(namespace) {
                Some(known) => *known = (*known).max(generation),
                None => inner.put(namespace, generation),
            }
        }
    }

    /// New generations for the namespaces.
    pub(crate) fn advance(&self, namespaces: &[Namespace], now: UnixMillis) -> Generations {
        self.lock().advance(namespaces, now)
    }

    /// A write begins in the fence's namespaces.
    pub(crate) fn enter(&self, fence: &Fence) {
        self.lock().writers.insert(fence.token.clone(), fence.namespaces.clone());
    }

    /// A write is over.
    pub(crate) fn leave(&self, fence: &Fence) {
        self.lock().writers.remove(&fence.token);
    }

    /// Whether this process is writing in one of the namespaces.
    pub(crate) fn is_fenced(&self, namespaces: &[Namespace]) -> bool {
        self.lock().is_fenced(namespaces)
    }
}

impl Inner {
    fn is_fenced(&self, namespaces: &[Namespace]) -> bool {
        self.writers.values().flatten().any(|n| namespaces.contains(n))
    }

    fn current(&mut self, namespace: &Namespace, now: UnixMillis) -> Generation {
        if let Some(known) = self.generations.get(namespace) {
            return *known;
        }
        let first = self.forgotten.next(now);
        self.put(namespace, first);
        first
    }

    fn advance(&mut self, namespaces: &[Namespace], now: UnixMillis) -> Generations {
        let mut next = |namespace: &Namespace| {
            let next = self.current(namespace, now).next(now);
            self.put(namespace, next);
            (namespace.clone(), next)
        };
        namespaces.iter().map(&mut next).collect()
    }

    fn put(&mut self, namespace: &Namespace, generation: Generation) {
        if self.generations.len() >= MOST_NAMESPACES && !self.generations.contains_key(namespace) {
            let largest = self.generations.values().copied().max().unwrap_or_default();
            self.forgotten = self.forgotten.max(largest);
            self.generations.clear();
        }
        self.generations.insert(namespace.clone(), generation);
    }
}
