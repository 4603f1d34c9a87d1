//! [`Store`] for [`SqliteStore`]: reads go to a reader, writes to the writer; what they do stands in the file of its concern.

use std::collections::BTreeSet;

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::Profile;
use kairos_protocol::api::catalog::{Module, ModuleSummary};
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use kairos_protocol::sync::generation::{Generations, Namespace};
use rusqlite::Connection;

use super::{SqliteStore, accounts, generations, learners, modules, operations, sessions};
use crate::store::records::{
    Account, Applied, FingerprintedOperation, ModuleFilter, ModulePosition, NewSession, Replaced, Rotation, SigningKey,
    Successor,
};
use crate::store::{GenerationStore, Result, Store, Versioned};

const CATALOG: &[Namespace] = &[Namespace::Catalog];

impl SqliteStore {
    /// Reads data and the numbers of its `namespaces` in one transaction.
    async fn read_state<T: Send + 'static>(
        &self,
        namespaces: Vec<Namespace>,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<Versioned<T>> {
        let read = move |c: &Connection| {
            let transaction = c.unchecked_transaction()?;
            let value = query(&transaction)?;
            let generations = generations::current(&transaction, &namespaces)?;
            transaction.commit()?;
            Ok(Versioned { value, generations })
        };
        self.readers.read(read).await
    }
}

#[async_trait]
impl GenerationStore for SqliteStore {
    async fn generations(&self, namespaces: &[Namespace]) -> Result<Generations> {
        let namespaces = namespaces.to_vec();
        self.readers.read(move |c| generations::current(c, &namespaces)).await
    }

    async fn confirmed_generations(&self, namespaces: &[Namespace]) -> Result<Generations> {
        self.generations(namespaces).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn ping(&self) -> Result<()> {
        let sql = "INSERT INTO probe (id, number) VALUES (1, 1) ON CONFLICT DO UPDATE SET number = number + 1";
        self.writer.write(|c| c.prepare_cached(sql)?.execute([]).map(drop)).await
    }

    async fn list_modules(
        &self,
        filter: &ModuleFilter,
        after: Option<&ModulePosition>,
        limit: u32,
    ) -> Result<Versioned<Vec<ModuleSummary>>> {
        let query = modules::list_query(filter, after, limit);
        self.read_state(CATALOG.to_vec(), move |c| modules::list(c, query)).await
    }

    async fn search_modules(&self, query: &str, limit: u32) -> Result<Versioned<Vec<ModuleSummary>>> {
        let query = query.to_owned();
        self.read_state(CATALOG.to_vec(), move |c| modules::search(c, &query, limit)).await
    }

    async fn module(&self, slug: &Slug) -> Result<Versioned<Option<Module>>> {
        let slug = slug.clone();
        self.read_state(CATALOG.to_vec(), move |c| modules::find(c, &slug)).await
    }

    async fn published_among(&self, slugs: &BTreeSet<Slug>) -> Result<BTreeSet<Slug>> {
        let slugs = slugs.clone();
        self.readers.read(move |c| modules::published_among(c, &slugs)).await
    }

    async fn insert_module(&self, module: &Module, now: UnixMillis) -> Result<Versioned<Option<u64>>> {
        let module = module.clone();
        let insert = move |c: &Connection| {
            let version = modules::add(c, &module)?;
            generations::commit(c, CATALOG, now, version.is_some(), version)
        };
        self.writer.write(insert).await
    }

    async fn replace_module(&self, module: &Module, expected: u64, now: UnixMillis) -> Result<Versioned<Replaced>> {
        let module = module.clone();
        let replace = move |c: &Connection| {
            let replaced = modules::replace(c, &module, expected)?;
            generations::commit(c, CATALOG, now, replaced == Replaced::Done, replaced)
        };
        self.writer.write(replace).await
    }

    async fn delete_module(&self, slug: &Slug, expected: u64, now: UnixMillis) -> Result<Versioned<Replaced>> {
        let slug = slug.clone();
        let delete = move |c: &Connection| {
            let deleted = modules::delete(c, &slug, expected)?;
            generations::commit(c, CATALOG, now, deleted == Replaced::Done, deleted)
        };
        self.writer.write(delete).await
    }

    async fn import_modules(&self, modules: &[Module], now: UnixMillis) -> Result<Versioned<u64>> {
        let wanted = modules.to_vec();
        let import = move |c: &Connection| {
            let written = modules::import(c, &wanted)?;
            generations::commit(c, CATALOG, now, written > 0, written)
        };
        self.writer.write(import).await
    }

    async fn insert_account(&self, account: &Account) -> Result<bool> {
        let account = account.clone();
        self.writer.write(move |c| accounts::insert(c, &account)).await
    }

    async fn put_account(&self, account: &Account, now: UnixMillis) -> Result<Versioned<UserId>> {
        let account = account.clone();
        let put = move |c: &Connection| {
            let user = accounts::put(c, &account)?;
            generations::commit(c, &[Namespace::User(user.clone())], now, true, user)
        };
        self.writer.write(put).await
    }

    async fn account_by_email(&self, email: &str) -> Result<Option<Account>> {
        let email = email.to_owned();
        self.readers.read(move |c| accounts::by_email(c, &email)).await
    }

    async fn profile(&self, user: &UserId) -> Result<Versioned<Option<Profile>>> {
        let user = user.clone();
        self.read_state(vec![Namespace::User(user.clone())], move |c| accounts::profile(c, &user)).await
    }

    async fn import_accounts(&self, accounts: &[Account]) -> Result<u64> {
        let wanted = accounts.to_vec();
        self.writer.write(move |c| accounts::import(c, &wanted)).await
    }

    async fn insert_session(&self, session: &NewSession) -> Result<bool> {
        let session = session.clone();
        self.writer.write(move |c| sessions::insert(c, &session)).await
    }

    async fn rotate_session(&self, family: &str, shown: &str, next: &Successor, now: UnixMillis) -> Result<Rotation> {
        let (family, shown, next) = (family.to_owned(), shown.to_owned(), next.clone());
        self.writer.write(move |c| sessions::rotate(c, &family, &shown, &next, now)).await
    }

    async fn end_session(&self, family: &str) -> Result<()> {
        let family = family.to_owned();
        self.writer.write(move |c| sessions::end(c, &family)).await
    }

    async fn signing_key(&self, candidate: &SigningKey) -> Result<SigningKey> {
        let candidate = candidate.clone();
        self.writer.write(move |c| accounts::signing_key(c, &candidate)).await
    }

    async fn list_progress(
        &self,
        user: &UserId,
        after: Option<&Slug>,
        limit: u32,
    ) -> Result<Versioned<Vec<ProgressRecord>>> {
        let (user, after) = (user.clone(), after.cloned());
        self.read_state(vec![Namespace::User(user.clone())], move |c| {
            learners::records(c, &user, after.as_ref(), limit)
        })
        .await
    }

    async fn statistics(&self, user: &UserId) -> Result<Versioned<Statistics>> {
        let user = user.clone();
        self.read_state(vec![Namespace::User(user.clone())], move |c| learners::statistics(c, &user)).await
    }

    async fn list_history(
        &self,
        user: &UserId,
        after: Option<&(UnixMillis, OperationId)>,
        limit: u32,
    ) -> Result<Versioned<Vec<HistoryEntry>>> {
        let (user, after) = (user.clone(), after.cloned());
        self.read_state(vec![Namespace::User(user.clone())], move |c| {
            learners::history(c, &user, after.as_ref(), limit)
        })
        .await
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
    ) -> Result<Versioned<Vec<Applied>>> {
        let (user, wanted) = (user.clone(), operations.to_vec());
        let apply = move |c: &Connection| {
            let applied = operations::apply(c, &user, &wanted, now)?;
            let has_changed = applied.iter().any(|applied| matches!(applied, Applied::Now(_)));
            generations::commit(c, &[Namespace::User(user)], now, has_changed, applied)
        };
        self.writer.write(apply).await
    }

    async fn import_operations(
        &self,
        operations: &[(UserId, FingerprintedOperation)],
        now: UnixMillis,
    ) -> Result<Versioned<u64>> {
        let wanted = operations.to_vec();
        let import = move |c: &Connection| {
            let applied = operations::import(c, &wanted, now)?;
            let users: BTreeSet<Namespace> = wanted.into_iter().map(|(user, _)| Namespace::User(user)).collect();
            generations::commit(c, &Vec::from_iter(users), now, applied > 0, applied)
        };
        self.writer.write(import).await
    }
}
