//! [`Store`] for [`MongoStore`]: each method stands in the file of its concern; this is where they are found.

use std::collections::BTreeSet;

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::account::Profile;
use kairos_protocol::catalog::{Module, ModuleSummary};
use kairos_protocol::ids::{OperationId, Slug, UserId};
use kairos_protocol::progress::{HistoryEntry, ProgressRecord, Statistics};
use mongodb::bson::doc;

use super::MongoStore;
use crate::store::records::{
    Account, Applied, FingerprintedOperation, ModuleFilter, ModulePosition, NewSession, Replaced, Rotation, SigningKey,
    Successor,
};
use crate::store::{Result, Store, StoreError};

const PING_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(1);

#[async_trait]
impl Store for MongoStore {
    async fn ping(&self) -> Result<()> {
        let database = self.database.clone();
        let answer = self.run(async move { database.run_command(doc! { "ping": 1 }).await.map(drop) });
        let late = |_| StoreError::Unanswered("no answer within a second".to_owned());
        tokio::time::timeout(PING_TIMEOUT, answer).await.map_err(late)?
    }

    async fn foreign_version(&self) -> Result<Option<i64>> {
        Ok(None)
    }

    async fn list_modules(
        &self,
        filter: &ModuleFilter,
        after: Option<&ModulePosition>,
        limit: u32,
    ) -> Result<Vec<ModuleSummary>> {
        self.modules_after(filter, after, limit).await
    }

    async fn search_modules(&self, query: &str, limit: u32) -> Result<Vec<ModuleSummary>> {
        self.modules_matching(query, limit).await
    }

    async fn module(&self, slug: &Slug) -> Result<Option<Module>> {
        self.module_by_slug(slug).await
    }

    async fn published_among(&self, slugs: &BTreeSet<Slug>) -> Result<BTreeSet<Slug>> {
        self.published_slugs(slugs).await
    }

    async fn insert_module(&self, module: &Module) -> Result<bool> {
        self.add_module(module).await
    }

    async fn replace_module(&self, module: &Module, expected: u64) -> Result<Replaced> {
        self.swap_module(module, expected).await
    }

    async fn delete_module(&self, slug: &Slug) -> Result<bool> {
        self.remove_module(slug).await
    }

    async fn import_modules(&self, modules: &[Module]) -> Result<u64> {
        self.put_modules(modules).await
    }

    async fn insert_account(&self, account: &Account) -> Result<bool> {
        self.add_account(account).await
    }

    async fn put_account(&self, account: &Account) -> Result<UserId> {
        self.upsert_account(account).await
    }

    async fn account_by_email(&self, email: &str) -> Result<Option<Account>> {
        self.account_with_email(email).await
    }

    async fn profile(&self, user: &UserId) -> Result<Option<Profile>> {
        self.profile_of(user).await
    }

    async fn import_accounts(&self, accounts: &[Account]) -> Result<u64> {
        self.add_accounts(accounts).await
    }

    async fn insert_session(&self, session: &NewSession) -> Result<()> {
        self.add_session(session).await
    }

    async fn rotate_session(&self, token_hash: &str, next: &Successor, now: UnixMillis) -> Result<Rotation> {
        self.rotate(token_hash, next, now).await
    }

    async fn end_session(&self, token_hash: &str) -> Result<()> {
        self.remove_family(token_hash).await
    }

    async fn signing_key(&self, candidate: &SigningKey) -> Result<SigningKey> {
        self.put_signing_key(candidate).await
    }

    async fn list_progress(&self, user: &UserId, after: Option<&Slug>, limit: u32) -> Result<Vec<ProgressRecord>> {
        self.records_after(user, after, limit).await
    }

    async fn statistics(&self, user: &UserId) -> Result<Statistics> {
        self.sum_records(user).await
    }

    async fn list_history(
        &self,
        user: &UserId,
        after: Option<&(UnixMillis, OperationId)>,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>> {
        self.history_after(user, after, limit).await
    }

    async fn known_among(&self, user: &UserId, ids: &[OperationId]) -> Result<BTreeSet<OperationId>> {
        self.remembered(user, ids).await
    }

    async fn apply_operations(
        &self,
        user: &UserId,
        operations: &[FingerprintedOperation],
        now: UnixMillis,
    ) -> Result<Vec<Applied>> {
        self.apply(operations.iter().map(|operation| (user.clone(), operation.clone())).collect(), now).await
    }

    async fn import_operations(&self, operations: &[(UserId, FingerprintedOperation)], now: UnixMillis) -> Result<u64> {
        let done = self.apply(operations.to_vec(), now).await?;
        Ok(done.iter().filter(|applied| matches!(applied, Applied::Now(_))).count() as u64)
    }
}
