//! The cache of a process without Redis: its generations and fences, nothing shared. Entries are kept by
//! [`crate::answers`] already, so none are kept here.

use async_trait::async_trait;
use bytes::Bytes;
use kairos_protocol::UnixMillis;
use kairos_protocol::generation::{Generations, Namespace};

use super::ledger::Ledger;
use super::{CUT_OFF_USE_MS, Cache, Fence, Found, Lookup, Snapshot};
use crate::machine::Machine;

/// What one instance knows by itself.
pub struct LocalCache {
    ledger: Ledger,
    machine: Machine,
    longest_use_ms: Option<UnixMillis>,
}

impl LocalCache {
    /// For the only instance on its store: every write there is goes through it.
    #[must_use]
    pub fn alone(machine: Machine) -> Self {
        Self { ledger: Ledger::default(), machine, longest_use_ms: None }
    }

    /// For an instance whose store others may write to: it does not hear of that, so it uses what it has for
    /// [`CUT_OFF_USE_MS`] only (I-BOUND). Whoever has seen a newer state gets it at once (I-SESSION).
    #[must_use]
    pub fn beside_others(machine: Machine) -> Self {
        Self { longest_use_ms: Some(CUT_OFF_USE_MS), ..Self::alone(machine) }
    }
}

#[async_trait]
impl Cache for LocalCache {
    async fn look_up(&self, lookup: Lookup<'_>) -> Found {
        let snapshot = self.ledger.snapshot(lookup.namespaces, lookup.seen, self.machine.now());
        Found { snapshot: Snapshot { longest_use_ms: self.longest_use_ms, ..snapshot }, value: None }
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

    async fn let_expire(&self, fence: Fence) {
        self.ledger.let_expire(&fence, self.machine.now());
    }

    fn shared_is_reached(&self) -> Option<bool> {
        None
    }

    async fn invalidate(&self, namespaces: &[Namespace]) {
        self.ledger.advance(namespaces, self.machine.now());
    }

    async fn invalidate_all(&self) -> bool {
        self.ledger.forget_all();
        true
    }
}
