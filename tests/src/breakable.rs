//! A store that fails or stalls when it is told to, as a database does that cannot be reached or is slow: nothing is read, nothing
//! changed. Else it is the store behind it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use kairos_origin::store::accounts::{Account, AccountStore};
use kairos_origin::store::catalog::{CatalogStore, ModuleFilter, ModulePosition, Replaced};
use kairos_origin::store::keys::{KeyRing, KeyStore};
use kairos_origin::store::progress::{Applied, FingerprintedOperation, ProgressStore};
use kairos_origin::store::sessions::{NewSession, Rotation, SessionStore, Successor};
use kairos_origin::store::{GenerationStore, HealthStore, Result, Store, StoreError, Versioned};
use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::Profile;
use kairos_protocol::api::catalog::{Module, ModuleSummary};
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use kairos_protocol::sync::generation::{Generations, Namespace};
use tokio::sync::{Notify, watch};

/// A store and the switch before it.
pub struct Breakable {
    behind: Arc<dyn Store>,
    is_broken: AtomicBool,
    is_stalled: watch::Sender<bool>,
    /// Wakes who waits for somebody to be held up.
    held_up: Notify,
    /// How often the signing keys were asked for.
    pub key_lookups: AtomicU64,
}

impl Breakable {
    /// Not broken.
    #[must_use]
    pub fn new(behind: Arc<dyn Store>) -> Self {
        Self {
            behind,
            is_broken: AtomicBool::new(false),
            is_stalled: watch::channel(false).0,
            held_up: Notify::new(),
            key_lookups: AtomicU64::new(0),
        }
    }

    /// From now on every method fails.
    pub fn break_down(&self) {
        self.is_broken.store(true, Ordering::SeqCst);
    }

    /// From now on it works again.
    pub fn repair(&self) {
        self.is_broken.store(false, Ordering::SeqCst);
        self.is_stalled.send_replace(false);
    }

    /// From now on every method waits until it is repaired, as for a database that takes its time.
    pub fn stall(&self) {
        self.is_stalled.send_replace(true);
    }

    /// Waits until somebody waits for it, since it is stalled.
    pub async fn waited_for(&self) {
        self.held_up.notified().await;
    }

    async fn reach(&self) -> Result<&dyn Store> {
        if *self.is_stalled.borrow() {
            self.held_up.notify_one();
        }
        // The sender lives as long as this.
        let _ = self.is_stalled.subscribe().wait_for(|is_stalled| !is_stalled).await;
        let broken = || StoreError::Unavailable("the test broke it".to_owned());
        if self.is_broken.load(Ordering::SeqCst) { Err(broken()) } else { Ok(self.behind.as_ref()) }
    }
}

#[async_trait]
impl GenerationStore for Breakable {
    async fn generations(&self, namespaces: &[Namespace]) -> Result<Generations> {
        self.reach().await?.generations(namespaces).await
    }

    async fn confirmed_generations(&self, namespaces: &[Namespace]) -> Result<Generations> {
        self.reach().await?.confirmed_generations(namespaces).await
    }

    async fn raise_generations(&self, namespaces: &[Namespace], now: UnixMillis) -> Result<Generations> {
        self.reach().await?.raise_generations(namespaces, now).await
    }
}

#[async_trait]
impl HealthStore for Breakable {
    async fn ping(&self) -> Result<()> {
        self.reach().await?.ping().await
    }
}

#[async_trait]
impl CatalogStore for Breakable {
    async fn list_modules(
        &self,
        filter: &ModuleFilter,
        after: Option<&ModulePosition>,
        limit: u32,
    ) -> Result<Versioned<Vec<ModuleSummary>>> {
        self.reach().await?.list_modules(filter, after, limit).await
    }

    async fn search_modules(&self, query: &str, limit: u32) -> Result<Versioned<Vec<ModuleSummary>>> {
        self.reach().await?.search_modules(query, limit).await
    }

    async fn module(&self, slug: &Slug) -> Result<Versioned<Option<Module>>> {
        self.reach().await?.module(slug).await
    }

    async fn published_among(&self, slugs: &BTreeSet<Slug>) -> Result<BTreeSet<Slug>> {
        self.reach().await?.published_among(slugs).await
    }

    async fn insert_module(&self, module: &Module, now: UnixMillis) -> Result<Versioned<Option<u64>>> {
        self.reach().await?.insert_module(module, now).await
    }

    async fn replace_module(&self, module: &Module, expected: u64, now: UnixMillis) -> Result<Versioned<Replaced>> {
        self.reach().await?.replace_module(module, expected, now).await
    }

    async fn delete_module(&self, slug: &Slug, expected: u64, now: UnixMillis) -> Result<Versioned<Replaced>> {
        self.reach().await?.delete_module(slug, expected, now).await
    }

    async fn import_modules(&self, modules: &[Module], now: UnixMillis) -> Result<Versioned<u64>> {
        self.reach().await?.import_modules(modules, now).await
    }
}

#[async_trait]
impl AccountStore for Breakable {
    async fn insert_account(&self, account: &Account) -> Result<bool> {
        self.reach().await?.insert_account(account).await
    }

    async fn put_account(&self, account: &Account, now: UnixMillis) -> Result<Versioned<UserId>> {
        self.reach().await?.put_account(account, now).await
    }

    async fn account_by_email(&self, email: &str) -> Result<Option<Account>> {
        self.reach().await?.account_by_email(email).await
    }

    async fn profile(&self, user: &UserId) -> Result<Versioned<Option<Profile>>> {
        self.reach().await?.profile(user).await
    }

    async fn import_accounts(&self, accounts: &[Account]) -> Result<u64> {
        self.reach().await?.import_accounts(accounts).await
    }
}

#[async_trait]
impl SessionStore for Breakable {
    async fn insert_session(&self, session: &NewSession) -> Result<bool> {
        self.reach().await?.insert_session(session).await
    }

    async fn rotate_session(&self, family: &str, shown: &str, next: &Successor, now: UnixMillis) -> Result<Rotation> {
        self.reach().await?.rotate_session(family, shown, next, now).await
    }

    async fn end_session(&self, family: &str) -> Result<()> {
        self.reach().await?.end_session(family).await
    }
}

#[async_trait]
impl KeyStore for Breakable {
    async fn key_ring(&self) -> Result<Option<KeyRing>> {
        self.key_lookups.fetch_add(1, Ordering::SeqCst);
        self.reach().await?.key_ring().await
    }

    async fn put_key_ring(&self, ring: &KeyRing) -> Result<bool> {
        self.reach().await?.put_key_ring(ring).await
    }
}

#[async_trait]
impl ProgressStore for Breakable {
    async fn list_progress(
        &self,
        user: &UserId,
        after: Option<&Slug>,
        limit: u32,
    ) -> Result<Versioned<Vec<ProgressRecord>>> {
        self.reach().await?.list_progress(user, after, limit).await
    }

    async fn statistics(&self, user: &UserId) -> Result<Versioned<Statistics>> {
        self.reach().await?.statistics(user).await
    }

    async fn list_history(
        &self,
        user: &UserId,
        after: Option<&(UnixMillis, OperationId)>,
        limit: u32,
    ) -> Result<Versioned<Vec<HistoryEntry>>> {
        self.reach().await?.list_history(user, after, limit).await
    }

    async fn known_among(&self, user: &UserId, ids: &[OperationId]) -> Result<BTreeSet<OperationId>> {
        self.reach().await?.known_among(user, ids).await
    }

    async fn apply_operations(
        &self,
        user: &UserId,
        operations: &[FingerprintedOperation],
        now: UnixMillis,
    ) -> Result<Versioned<Vec<Applied>>> {
        self.reach().await?.apply_operations(user, operations, now).await
    }

    async fn import_operations(
        &self,
        operations: &[(UserId, FingerprintedOperation)],
        now: UnixMillis,
    ) -> Result<Versioned<u64>> {
        self.reach().await?.import_operations(operations, now).await
    }
}
