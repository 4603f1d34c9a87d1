//! The cache of a process that is alone: its generations and fences, nothing shared. Entries are kept by
//! [`crate::answers`] already, so none are kept here.

use async_trait::async_trait;
use bytes::Bytes;
use kairos_protocol::generation::{Generations, Namespace};

use super::ledger::Ledger;
use super::{Cache, Fence, Found, Lookup};
use crate::machine::Machine;

/// For one instance without Redis. Several instances need [`super::redis::RedisCache`]: they would not hear each other.
pub struct LocalCache {
    ledger: Ledger,
    machine: Machine,
}

impl LocalCache {
    /// An empty one.
    #[must_use]
    pub fn new(machine: Machine) -> Self {
        Self { ledger: Ledger::default(), machine }
    }
}

#[async_trait]
impl Cache for LocalCache {
    async fn look_up(&self, lookup: Lookup<'_>) -> Found {
        let snapshot = self.ledger.snapshot(lookup.namespaces, lookup.seen, self.machine.now());
        Found { snapshot, value: None }
    }

    async fn stale(&self, _key: &str) -> Option<Bytes> {
        None
    }

    async fn keep(&self, _key: &str, _generations: &Generations, _value: Bytes, _ttl_secs: u32) {}

    async fn fence(&self, namespaces: Vec<Namespace>) -> Fence {
        let fence = Fence { namespaces, token: self.machine.random_hex::<8>() };
        self.ledger.enter(&fence);
        self.ledger.advance(&fence.namespaces, self.machine.now());
        fence
    }

    async fn release(&self, fence: Fence) -> Generations {
        // In this order: nobody finds the namespace free under a generation from before.
        let generations = self.ledger.advance(&fence.namespaces, self.machine.now());
        self.ledger.leave(&fence);
        generations
    }

    fn shared_is_reached(&self) -> Option<bool> {
        None
    }

    async fn invalidate(&self, namespaces: &[Namespace]) {
        self.ledger.advance(namespaces, self.machine.now());
    }
}
