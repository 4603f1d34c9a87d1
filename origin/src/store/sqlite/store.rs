//! [`Store`] for [`SqliteStore`]: reads go to a reader, writes to the writer; what they do stands in the file of its concern.

use std::collections::BTreeSet;

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::account::Profile;
use kairos_protocol::catalog::{Module, ModuleSummary};
use kairos_protocol::ids::{OperationId, Slug, UserId};
use kairos_protocol::progress::{HistoryEntry, ProgressRecord, Statistics};
use rusqlite::Connection;

use super::{SqliteStore, accounts, learners, modules, operations, sessions};
use crate::store::records::{
    Account, Applied, FingerprintedOperation, ModuleFilter, ModulePosition, NewSession, Replaced, Rotation, SigningKey,
    Successor,
};
use crate::store::{Result, Store};

#[async_trait]
impl Store for SqliteStore {
    async fn ping(&self) -> Result<()> {
        self.readers.read(|c| c.query_row("SELECT 1", [], |_| Ok(()))).await
    }

    async fn foreign_version(&self) -> Result<Option<i64>> {
        // The writer's connection: its own commits do not count.
        let version = |c: &Connection| c.pragma_query_value(None, "data_version", |row| row.get(0));
        self.writer.write(version).await.map(Some)
    }

    async fn list_modules(
        &self,
        filter: &ModuleFilter,
        after: Option<&ModulePosition>,
        limit: u32,
    ) -> Result<Vec<ModuleSummary>> {
        let query = modules::list_query(filter, after, limit);
        self.readers.read(move |c| modules::list(c, query)).await
    }

    async fn search_modules(&self, query: &str, limit: u32) -> Result<Vec<ModuleSummary>> {
        let query = query.to_owned();
        self.readers.read(move |c| modules::search(c, &query, limit)).await
    }

    async fn module(&self, slug: &Slug) -> Result<Option<Module>> {
        let slug = slug.clone();
        self.readers.read(move |c| modules::find(c, &slug)).await
    }

    async fn published_among(&self, slugs: &BTreeSet<Slug>) -> Result<BTreeSet<Slug>> {
        let slugs = slugs.clone();
        self.readers.read(move |c| modules::published_among(c, &slugs)).await
    }

    async fn insert_module(&self, module: &Module) -> Result<bool> {
        let module = module.clone();
        self.writer.write(move |c| modules::insert(c, &module)).await
    }

    async fn replace_module(&self, module: &Module, expected: u64) -> Result<Replaced> {
        let module = module.clone();
        self.writer.write(move |c| modules::replace(c, &module, expected)).await
    }

    async fn delete_module(&self, slug: &Slug) -> Result<bool> {
        let slug = slug.clone();
        self.writer.write(move |c| modules::delete(c, &slug)).await
    }

    async fn import_modules(&self, modules: &[Module]) -> Result<u64> {
        let wanted = modules.to_vec();
        self.writer.write(move |c| modules::import(c, &wanted)).await
    }

    async fn insert_account(&self, account: &Account) -> Result<bool> {
        let account = account.clone();
        self.writer.write(move |c| accounts::insert(c, &account)).await
    }

    async fn put_account(&self, account: &Account) -> Result<UserId> {
        let account = account.clone();
        self.writer.write(move |c| accounts::put(c, &account)).await
    }

    async fn account_by_email(&self, email: &str) -> Result<Option<Account>> {
        let email = email.to_owned();
        self.readers.read(move |c| accounts::by_email(c, &email)).await
    }

    async fn profile(&self, user: &UserId) -> Result<Option<Profile>> {
        let user = user.clone();
        self.readers.read(move |c| accounts::profile(c, &user)).await
    }

    async fn import_accounts(&self, accounts: &[Account]) -> Result<u64> {
        let wanted = accounts.to_vec();
        self.writer.write(move |c| accounts::import(c, &wanted)).await
    }

    async fn insert_session(&self, session: &NewSession) -> Result<()> {
        let session = session.clone();
        self.writer.write(move |c| sessions::insert(c, &session)).await
    }

    async fn rotate_session(&self, token_hash: &str, next: &Successor, now: UnixMillis) -> Result<Rotation> {
        let (shown, next) = (token_hash.to_owned(), next.clone());
        self.writer.write(move |c| sessions::rotate(c, &shown, &next, now)).await
    }

    async fn end_session(&self, token_hash: &str) -> Result<()> {
        let shown = token_hash.to_owned();
        self.writer.write(move |c| sessions::end(c, &shown)).await
    }

    async fn signing_key(&self, candidate: &SigningKey) -> Result<SigningKey> {
        let candidate = candidate.clone();
        self.writer.write(move |c| accounts::signing_key(c, &candidate)).await
    }

    async fn list_progress(&self, user: &UserId, after: Option<&Slug>, limit: u32) -> Result<Vec<ProgressRecord>> {
        let (user, after) = (user.clone(), after.cloned());
        self.readers.read(move |c| learners::records(c, &user, after.as_ref(), limit)).await
    }

    async fn statistics(&self, user: &UserId) -> Result<Statistics> {
        let user = user.clone();
        self.readers.read(move |c| learners::statistics(c, &user)).await
    }

    async fn list_history(
        &self,
        user: &UserId,
        after: Option<&(UnixMillis, OperationId)>,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>> {
        let (user, after) = (user.clone(), after.cloned());
        self.readers.read(move |c| learners::history(c, &user, after.as_ref(), limit)).await
    }

    async fn known_among(&self, user: &UserId, ids: &[OperationId]) -> Result<BTreeSet<OperationId>> {
        let (user, ids) = (user.clone(), ids.to_vec());
        self.readers.read(move |c| operations::remembered(c, &user, &ids)).await
    }

    async fn apply_operations(
        &self,
        user: &UserId,
        operations: &[FingerprintedOperation],
        now: UnixMillis,
    ) -> Result<Vec<Applied>> {
        let (user, wanted) = (user.clone(), operations.to_vec());
        self.writer.write(move |c| operations::apply(c, &user, &wanted, now)).await
    }

    async fn import_operations(&self, operations: &[(UserId, FingerprintedOperation)], now: UnixMillis) -> Result<u64> {
        let wanted = operations.to_vec();
        self.writer.write(move |c| operations::import(c, &wanted, now)).await
    }
}
