//! [`Store`] for [`MongoStore`]: each method stands in the file of its concern; this is where they are found.

use std::collections::BTreeSet;

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::account::Profile;
use kairos_protocol::catalog::{Module, ModuleSummary};
use kairos_protocol::generation::{Generations, Namespace};
use kairos_protocol::ids::{OperationId, Slug, UserId};
use kairos_protocol::progress::{HistoryEntry, ProgressRecord, Statistics};
use mongodb::bson::doc;

use super::MongoStore;
use crate::store::records::{
    Account, Applied, FingerprintedOperation, ModuleFilter, ModulePosition, NewSession, Replaced, Rotation, SigningKey,
    Successor,
};
use crate::store::{GenerationStore, Result, Store, StoreError, Versioned};

const PING_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(1);

#[async_trait]
impl GenerationStore for MongoStore {
    async fn generations(&self, namespaces: &[Namespace]) -> Result<Generations> {
        self.numbers(namespaces).await
    }

    async fn confirmed_generations(&self, namespaces: &[Namespace]) -> Result<Generations> {
        self.numbers(namespaces).await
    }
}

#[async_trait]
impl Store for MongoStore {
    async fn ping(&self) -> Result<()> {
        let database = self.database.clone();
        let answer = self.run(async move { database.run_command(doc! { "ping": 1 }).await.map(drop) });
        let late = |_| StoreError::Unanswered("no answer within a second".to_owned());
        tokio::time::timeout(PING_TIMEOUT, answer).await.map_err(late)?
    }

    async fn list_modules(
        &self,
        filter: &ModuleFilter,
        after: Option<&ModulePosition>,
        limit: u32,
    ) -> Result<Versioned<Vec<ModuleSummary>>> {
        let read = self.modules_after(filter, after, limit);
        self.with_numbers(&[Namespace::Catalog], read).await
    }

    async fn search_modules(&self, query: &str, limit: u32) -> Result<Versioned<Vec<ModuleSummary>>> {
        self.with_numbers(&[Namespace::Catalog], self.modules_matching(query, limit)).await
    }

    async fn module(&self, slug: &Slug) -> Result<Versioned<Option<Module>>> {
        self.with_numbers(&[Namespace::Catalog], self.module_by_slug(slug)).await
    }

    async fn published_among(&self, slugs: &BTreeSet<Slug>) -> Result<BTreeSet<Slug>> {
        self.published_slugs(slugs).await
    }

    async fn insert_module(&self, module: &Module, now: UnixMillis) -> Result<Versioned<bool>> {
        let inserted = self.add_module(module).await?;
        self.raise(&[Namespace::Catalog], now, inserted, inserted).await
    }

    async fn replace_module(&self, module: &Module, expected: u64, now: UnixMillis) -> Result<Versioned<Replaced>> {
        let replaced = self.swap_module(module, expected).await?;
        self.raise(&[Namespace::Catalog], now, replaced == Replaced::Done, replaced).await
    }

    async fn delete_module(&self, slug: &Slug, now: UnixMillis) -> Result<Versioned<bool>> {
        let deleted = self.remove_module(slug).await?;
        self.raise(&[Namespace::Catalog], now, deleted, deleted).await
    }

    async fn import_modules(&self, modules: &[Module], now: UnixMillis) -> Result<Versioned<u64>> {
        let written = self.put_modules(modules).await?;
        self.raise(&[Namespace::Catalog], now, written > 0, written).await
    }

    async fn insert_account(&self, account: &Account) -> Result<bool> {
        self.add_account(account).await
    }

    async fn put_account(&self, account: &Account, now: UnixMillis) -> Result<Versioned<UserId>> {
        let user = self.upsert_account(account).await?;
        self.raise(&[Namespace::User(user.clone())], now, true, user).await
    }

    async fn account_by_email(&self, email: &str) -> Result<Option<Account>> {
        self.account_with_email(email).await
    }

    async fn profile(&self, user: &UserId) -> Result<Versioned<Option<Profile>>> {
        self.with_numbers(&[Namespace::User(user.clone())], self.profile_of(user)).await
    }

    async fn import_accounts(&self, accounts: &[Account]) -> Result<u64> {
        self.add_accounts(accounts).await
    }

    async fn insert_session(&self, session: &NewSession) -> Result<bool> {
        self.add_session(session).await
    }

    async fn rotate_session(&self, family: &str, shown: &str, next: &Successor, now: UnixMillis) -> Result<Rotation> {
        self.rotate(family, shown, next, now).await
    }

    async fn end_session(&self, family: &str) -> Result<()> {
        self.remove_session(family).await
    }

    async fn signing_key(&self, candidate: &SigningKey) -> Result<SigningKey> {
        self.put_signing_key(candidate).await
    }

    async fn list_progress(
        &self,
        user: &UserId,
        after: Option<&Slug>,
        limit: u32,
    ) -> Result<Versioned<Vec<ProgressRecord>>> {
        self.with_numbers(&[Namespace::User(user.clone())], self.records_after(user, after, limit)).await
    }

    async fn statistics(&self, user: &UserId) -> Result<Versioned<Statistics>> {
        self.with_numbers(&[Namespace::User(user.clone())], self.sum_records(user)).await
    }

    async fn list_history(
        &self,
        user: &UserId,
        after: Option<&(UnixMillis, OperationId)>,
        limit: u32,
    ) -> Result<Versioned<Vec<HistoryEntry>>> {
        self.with_numbers(&[Namespace::User(user.clone())], self.history_after(user, after, limit)).await
    }

    async fn known_among(&self, user: &UserId, ids: &[OperationId]) -> Result<BTreeSet<OperationId>> {
        self.remembered(user, ids).await
    }

    async fn apply_operations(
        &self,
        user: &UserId,
        operations: &[FingerprintedOperation],
        now: UnixMillis,
    ) -> Result<Versioned<Vec<Applied>>> {
        let operations: Vec<_> = operations.iter().map(|operation| (user.clone(), operation.clone())).collect();
        let applied = if operations.is_empty() { Vec::new() } else { self.apply(operations, now).await? };
        let has_changed = applied.iter().any(|applied| matches!(applied, Applied::Now(_)));
        self.raise(&[Namespace::User(user.clone())], now, has_changed, applied).await
    }

    async fn import_operations(
        &self,
        operations: &[(UserId, FingerprintedOperation)],
        now: UnixMillis,
    ) -> Result<Versioned<u64>> {
        let users: BTreeSet<Namespace> = operations.iter().map(|(user, _)| Namespace::User(user.clone())).collect();
        let done = self.apply(operations.to_vec(), now).await?;
        let applied = done.iter().filter(|applied| matches!(applied, Applied::Now(_))).count() as u64;
        self.raise(&Vec::from_iter(users), now, applied > 0, applied).await
    }
}
