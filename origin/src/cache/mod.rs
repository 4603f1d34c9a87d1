//! What the origin remembers so as not to ask the store again: the [`Cache`] trait and its two implementations, in this
//! process and in Redis. Not here: what an answer looks like ([`crate::answers`]), or the store.
//!
//! The protocol (design: "Generations"): a read takes the generations of its namespaces first and looks up a key that contains
//! them, so a fill that comes late lands in a key nobody will read. A write fences its namespaces before it touches the store
//! and releases them after; while one is fenced, reads go to the store and keep nothing.

use async_trait::async_trait;
use bytes::Bytes;
use kairos_protocol::generation::{Generations, Namespace};

/// The generations of some namespaces, as a read must take them before it looks anywhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// One per namespace asked for.
    pub generations: Generations,
    /// Whether a write is under way in one of them: look nothing up and keep nothing.
    pub fenced: bool,
}

/// A write under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// What it changes.
    pub namespaces: Vec<Namespace>,
    /// Tells it from other writes to the same namespaces.
    pub token: String,
}

/// Generations and finished answers shared by whoever reaches the same cache. No method fails: without its server a cache
/// answers from what this process knows, within 50 ms the first time and at once while the breaker is open.
#[async_trait]
pub trait Cache: Send + Sync + 'static {
    /// The generations of `namespaces`, those the caller has `seen` taken into account: none comes back smaller.
    async fn snapshot(&self, namespaces: &[Namespace], seen: &Generations) -> Snapshot;

    /// The bytes stored under `key`, or `None`.
    async fn load(&self, key: &str) -> Option<Bytes>;

    /// Stores `value` under `key` for `ttl_secs`. May be dropped.
    async fn keep(&self, key: &str, value: Bytes, ttl_secs: u32);

    /// Before a write: new generations for `namespaces`, and a fence for longer than any write takes (25 s), should this
    /// process die before it releases it.
    async fn fence(&self, namespaces: Vec<Namespace>) -> Fence;

    /// After a write, whether it succeeded or not: new generations once more, and the fence gone. Returns them: the writer
    /// answers with them.
    async fn release(&self, fence: Fence) -> Generations;

    /// Drops everything in the namespaces: new generations, no write.
    async fn invalidate(&self, namespaces: &[Namespace]);
}
