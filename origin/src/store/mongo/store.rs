//! [`Store`] for [`MongoStore`]: each method stands in the file of its concern; this is where they are found.

use std::collections::BTreeSet;

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::Profile;
use kairos_protocol::api::catalog::{Module, ModuleSummary};
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use kairos_protocol::sync::generation::{Generations, Namespace};
use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, WriteConcern};

use super::MongoStore;
use super::documents::PROBE;
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
        self.confirmed_numbers(namespaces).await
    }
}

#[async_trait]
impl Store for MongoStore {
    async fn ping(&self) -> Result<()> {
        let probe = self.collection::<Document>(PROBE);
        let durably = WriteConcern::builder().w(Acknowledgment::Majority).w_timeout(PING_TIMEOUT).build();
        let answer = self.run(async move {
            let more = doc! { "$inc": { "number": 1_i64 } };
            probe.update_one(doc! { "_id": 1 }, more).upsert(true).write_concern(durably).await.map(drop)
        });
        let late = |_| StoreError::Unanswered("no answer within a second".to_owned());
        tokio::time::timeout(PING_TIMEOUT, answer).await.map_err(late)?
    }

    async fn list_modules(
        &self,
        filter: &ModuleFilter,
        after: Option<&ModulePosition>,
        limit: u32,
    ) -> Result<Versioned<Vec<ModuleSummary>>> {
        self.modules_after(filter, after, limit).await
    }

    async fn search_modules(&self, query: &str, limit: u32) -> Result<Versioned<Vec<ModuleSummary>>> {
        self.modules_matching(query, limit).await
    }

    async fn module(&self, slug: &Slug) -> Result<Versioned<Option<Module>>> {
        self.module_by_slug(slug).await
    }

    async fn published_among(&self, slugs: &BTreeSet<Slug>) -> Result<BTreeSet<Slug>> {
        self.published_slugs(slugs).await
    }

    async fn insert_module(&self, module: &Module, now: UnixMillis) -> Result<Versioned<Option<u64>>> {
        self.add_module(module, now).await
    }

    async fn replace_module(&self, module: &Module, expected: u64, now: UnixMillis) -> Result<Versioned<Replaced>> {
        self.swap_module(module, expected, now).await
    }

    async fn delete_module(&self, slug: &Slug, expected: u64, now: UnixMillis) -> Result<Versioned<Replaced>> {
        self.remove_module(slug, expected, now).await
    }

    async fn import_modules(&self, modules: &[Module], now: UnixMillis) -> Result<Versioned<u64>> {
        self.put_modules(modules, now).await
    }

    async fn insert_account(&self, account: &Account) -> Result<bool> {
        self.add_account(account).await
    }

    async fn put_account(&self, account: &Account, now: UnixMillis) -> Result<Versioned<UserId>> {
        self.upsert_account(account, now).await
    }

    async fn account_by_email(&self, email: &str) -> Result<Option<Account>> {
        self.account_with_email(email).await
    }

    async fn profile(&self, user: &UserId) -> Result<Versioned<Option<Profile>>> {
        self.profile_of(user).await
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
        self.records_after(user, after, limit).await
    }

    async fn statistics(&self, user: &UserId) -> Result<Versioned<Statistics>> {
        self.sum_records(user).await
    }

    async fn list_history(
        &self,
        user: &UserId,
        after: Option<&(UnixMillis, OperationId)>,
        limit: u32,
    ) -> Result<Versioned<Vec<HistoryEntry>>> {
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
    ) -> Result<Versioned<Vec<Applied>>> {
        let operations = operations.iter().map(|operation| (user.clone(), operation.clone())).collect();
        self.apply(Some(Namespace::User(user.clone())), operations, now).await
    }

    async fn import_operations(
        &self,
        operations: &[(UserId, FingerprintedOperation)],
        now: UnixMillis,
    ) -> Result<Versioned<u64>> {
        let done = self.apply(None, operations.to_vec(), now).await?;
        Ok(done.map(|all| all.iter().filter(|applied| matches!(applied, Applied::Now(_))).count() as u64))
    }
}
