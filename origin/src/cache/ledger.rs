//! What this process knows of generations and of its own writes under way: all there is without Redis, and with it the floor
//! under what Redis says. Not here: entries.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kairos_protocol::UnixMillis;
use kairos_protocol::generation::{Generation, Generations, Namespace};

use super::{Claim, FENCE_MS, Fence, Snapshot, Standing};

#[derive(Clone, Copy)]
struct Known {
    generation: Generation,
    /// When a caller's claim was last adopted.
    adopted_at: UnixMillis,
}

struct Writer {
    namespaces: Vec<Namespace>,
    /// When its fence goes by itself.
    until: UnixMillis,
}

/// Namespaces remembered at once: some 10 MB. Beyond it all are forgotten, which only makes their entries old.
const MOST_NAMESPACES: usize = 100_000;

/// The generations and the writers of this process.
#[derive(Default)]
pub(crate) struct Ledger {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    known: HashMap<Namespace, Known>,
    /// The writes under way, by token.
    writers: HashMap<String, Writer>,
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
        let mut standing = if inner.is_fenced(namespaces, now) { Standing::Fenced } else { Standing::Settled };
        let mut current = |namespace: &Namespace| {
            let known = inner.known(namespace, now);
            let Some(seen) = seen.get(namespace).filter(|seen| *seen > known.generation) else {
                return known.generation;
            };
            let claim = Claim::judge(seen, known.adopted_at, now);
            if claim == Claim::Adopted {
                inner.known.insert(namespace.clone(), Known { generation: seen, adopted_at: now });
            } else {
                standing = Standing::Behind;
            }
            if claim == Claim::Absurd { known.generation } else { seen }
        };
        let generations = namespaces.iter().map(|n| (n.clone(), current(n))).collect();
        Snapshot { generations, standing, longest_use_ms: None }
    }

    /// What is known of each namespace, 0 where nothing is.
    pub(crate) fn floors(&self, namespaces: &[Namespace]) -> Vec<Generation> {
        let inner = self.lock();
        namespaces.iter().map(|n| inner.known.get(n).map(|known| known.generation).unwrap_or_default()).collect()
    }

    /// Takes over what Redis says, where it is more.
    pub(crate) fn learn(&self, generations: &Generations) {
        let mut inner = self.lock();
        for (namespace, generation) in generations.iter() {
            inner.raise(namespace, generation);
        }
    }

    /// New generations for the namespaces.
    pub(crate) fn advance(&self, namespaces: &[Namespace], now: UnixMillis) -> Generations {
        self.lock().advance(namespaces, now)
    }

    /// Every namespace gets a new number when it is next asked for.
    pub(crate) fn forget_all(&self) {
        self.lock().forget_all();
    }

    /// A write begins in the fence's namespaces.
    pub(crate) fn enter(&self, fence: &Fence) {
        self.stay(fence, UnixMillis::MAX);
    }

    /// A write was given up whose end is not known: its fence stays for [`FENCE_MS`].
    pub(crate) fn let_expire(&self, fence: &Fence, now: UnixMillis) {
        self.lock().writers.retain(|_, writer| writer.until > now);
        self.stay(fence, now.saturating_add(FENCE_MS));
    }

    fn stay(&self, fence: &Fence, until: UnixMillis) {
        let writer = Writer { namespaces: fence.namespaces.clone(), until };
        self.lock().writers.insert(fence.token.clone(), writer);
    }

    /// A write is over.
    pub(crate) fn leave(&self, fence: &Fence) {
        self.lock().writers.remove(&fence.token);
    }

    /// Whether this process is writing in one of the namespaces.
    pub(crate) fn is_fenced(&self, namespaces: &[Namespace], now: UnixMillis) -> bool {
        self.lock().is_fenced(namespaces, now)
    }
}

impl Inner {
    fn is_fenced(&self, namespaces: &[Namespace], now: UnixMillis) -> bool {
        let mut fences = self.writers.values().filter(|writer| writer.until > now);
        fences.any(|writer| writer.namespaces.iter().any(|n| namespaces.contains(n)))
    }

    fn known(&mut self, namespace: &Namespace, now: UnixMillis) -> Known {
        if let Some(known) = self.known.get(namespace) {
            return *known;
        }
        self.raise(namespace, self.forgotten.next(now))
    }

    fn advance(&mut self, namespaces: &[Namespace], now: UnixMillis) -> Generations {
        let mut next = |namespace: &Namespace| {
            let next = self.known(namespace, now).generation.next(now);
            (namespace.clone(), self.raise(namespace, next).generation)
        };
        namespaces.iter().map(&mut next).collect()
    }

    fn forget_all(&mut self) {
        let largest = self.known.values().map(|known| known.generation).max();
        self.forgotten = self.forgotten.max(largest.unwrap_or_default());
        self.known.clear();
    }

    /// Makes the namespace's number at least `generation`.
    fn raise(&mut self, namespace: &Namespace, generation: Generation) -> Known {
        if let Some(known) = self.known.get_mut(namespace) {
            known.generation = known.generation.max(generation);
            return *known;
        }
        if self.known.len() >= MOST_NAMESPACES {
            self.forget_all();
        }
        let known = Known { generation, adopted_at: UnixMillis::MIN };
        self.known.insert(namespace.clone(), known);
        known
    }
}
