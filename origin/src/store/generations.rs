//! The numbers of namespaces: [`GenerationStore`], their authority, and [`Versioned`], data with the numbers of its state. Not here:
//! what is known of them outside of the store ([`crate::cache`]).

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::sync::generation::{Generations, Namespace};

use super::error::Result;

/// What was read or written, and the generations of its namespaces in the same snapshot or transaction: they name the state that
/// was read, that the write left, or that it found when it changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// What it is.
    pub value: T,
    /// One for each namespace.
    pub generations: Generations,
}

impl<T> Versioned<T> {
    /// What no namespace has: it changes with a release.
    pub fn constant(value: T) -> Self {
        Self { value, generations: Generations::default() }
    }

    /// The same state, shown another way.
    pub fn map<U>(self, show: impl FnOnce(T) -> U) -> Versioned<U> {
        Versioned { value: show(self.value), generations: self.generations }
    }
}

/// The authority on generations. A namespace's number changes in the transaction that changes its data, and in no other, so one
/// number names one state for ever (`protocol::sync::generation`).
#[async_trait]
pub trait GenerationStore: Send + Sync + 'static {
    /// The current number of each namespace, 0 for one that never changed, all as of one moment. One point query, of data that no
    /// failover takes back.
    async fn generations(&self, namespaces: &[Namespace]) -> Result<Generations>;

    /// The same, and surely not from a server that was deposed and does not know it yet. Slower: for a caller who has seen a
    /// larger number than [`GenerationStore::generations`] gave. Each as of a moment of its own: not for what must belong together.
    async fn confirmed_generations(&self, namespaces: &[Namespace]) -> Result<Generations>;

    /// Gives each of `namespaces` its next number, in one transaction, though no data of theirs changes: what was made from them is not to
    /// be used any more. Returns the numbers, without those of single modules.
    async fn raise_generations(&self, namespaces: &[Namespace], now: UnixMillis) -> Result<Generations>;
}
