//! What learners did: records, statistics, history, and the transaction that operations are applied in. Not how one is applied
//! (`operations`).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use kairos_protocol::sync::generation::{Generation, Namespace};
use serde::Deserialize;

use super::MongoStore;
use super::documents::{
    HISTORY, HistoryDocument, OPERATIONS, OperationDocument, PROGRESS, ProgressDocument, operation_id,
};
use super::operations::{OwnedOperation, apply_all};
use super::progress_queries::{history_query, known_query, list_query, statistics_query};
use super::snapshot::read_snapshot;
use super::transaction::Outcome;
use crate::store::progress::{Applied, FingerprintedOperation};
use crate::store::{self, ProgressStore, Versioned};

#[async_trait]
impl ProgressStore for MongoStore {
    async fn list_progress(
        &self,
        user: &UserId,
        after: Option<&Slug>,
        limit: u32,
    ) -> store::Result<Versioned<Vec<ProgressRecord>>> {
        let progress = self.in_snapshot::<ProgressDocument>(PROGRESS);
        let query = list_query(user, after, limit);
        self.read_state(Namespace::User(user.clone()), move |session| {
            let (progress, query) = (progress.clone(), query.clone());
            async move {
                let found = query.all_in(&progress, session).await?;
                Ok(found.into_iter().map(ProgressRecord::from).collect())
            }
            .boxed()
        })
        .await
    }

    async fn statistics(&self, user: &UserId) -> store::Result<Versioned<Statistics>> {
        let (database, namespace) = (self.database.clone(), Namespace::User(user.clone()));
        let query = statistics_query(user).with_number(&namespace);
        let read = move || {
            let (query, database) = (query.clone(), database.clone());
            async move { query.all::<Found>(&database).await }
        };
        let found = self.read(read_snapshot(read));
        let (mut value, mut number) = (Statistics::default(), Generation::default());
        for one in found.await? {
            match one {
                Found::Sums(sums) => value = sums.into(),
                Found::Number { number: found } => number = Generation::new(u64::try_from(found).unwrap_or(0)),
            }
        }
        Ok(Versioned { value, generations: [(namespace, number)].into_iter().collect() })
    }

    async fn list_history(
        &self,
        user: &UserId,
        after: Option<&(UnixMillis, OperationId)>,
        limit: u32,
    ) -> store::Result<Versioned<Vec<HistoryEntry>>> {
        let history = self.in_snapshot::<HistoryDocument>(HISTORY);
        let query = history_query(user, after, limit);
        self.read_state(Namespace::User(user.clone()), move |session| {
            let (history, query) = (history.clone(), query.clone());
            async move {
                let found = query.all_in(&history, session).await?;
                Ok(found.into_iter().map(HistoryEntry::from).collect())
            }
            .boxed()
        })
        .await
    }

    async fn known_among(&self, user: &UserId, ids: &[OperationId]) -> store::Result<BTreeSet<OperationId>> {
        let collection = self.collection::<OperationDocument>(OPERATIONS);
        let asked: HashMap<String, OperationId> = ids.iter().map(|id| (operation_id(user, id), id.clone())).collect();
        self.read(async move {
            let found = known_query(asked.keys().cloned()).all(&collection).await?;
            Ok(found.iter().filter_map(|d| asked.get(&d.id).cloned()).collect())
        })
        .await
    }

    async fn apply_operations(
        &self,
        user: &UserId,
        operations: &[FingerprintedOperation],
        now: UnixMillis,
    ) -> store::Result<Versioned<Vec<Applied>>> {
        let operations = operations.iter().map(|operation| (user.clone(), operation.clone())).collect();
        self.apply(Some(Namespace::User(user.clone())), operations, now).await
    }

    async fn import_operations(
        &self,
        operations: &[(UserId, FingerprintedOperation)],
        now: UnixMillis,
    ) -> store::Result<Versioned<u64>> {
        let done = self.apply(None, operations.into(), now).await?;
        Ok(done.map(|all| all.iter().filter(|applied| matches!(applied, Applied::Now(_))).count() as u64))
    }
}

impl MongoStore {
    /// `turn`: whose operations they are, where they are one learner's.
    async fn apply(
        &self,
        turn: Option<Namespace>,
        operations: Vec<OwnedOperation>,
        now: UnixMillis,
    ) -> store::Result<Versioned<Vec<Applied>>> {
        let database = self.database.clone();
        let operations: Arc<[OwnedOperation]> = operations.into();
        self.transact(turn.clone(), now, move |session| {
            let (database, operations, turn) = (database.clone(), Arc::clone(&operations), turn.clone());
            async move {
                let value = apply_all(&database, session, &operations, now).await?;
                let users: BTreeSet<Namespace> =
                    operations.iter().map(|(user, _)| Namespace::User(user.clone())).chain(turn).collect();
                let has_changed = value.iter().any(|applied| matches!(applied, Applied::Now(_)));
                Ok(Outcome { value, namespaces: users.into_iter().collect(), has_changed })
            }
            .boxed()
        })
        .await
    }
}

/// What the statistics pipeline gives: the sums, where there are records, and the number of the learner's namespace, where it has one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Found {
    Sums(Sums),
    Number { number: i64 },
}

#[derive(Deserialize)]
struct Sums {
    modules: i64,
    completed: i64,
    in_progress: i64,
    time_spent_secs: i64,
    attempts: i64,
    scored: i64,
    score_sum: i64,
}

impl From<Sums> for Statistics {
    fn from(sums: Sums) -> Self {
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        Self {
            modules: count(sums.modules),
            completed: count(sums.completed),
            in_progress: count(sums.in_progress),
            time_spent_secs: count(sums.time_spent_secs),
            attempts: count(sums.attempts),
            scored: count(sums.scored),
            score_sum: count(sums.score_sum),
            average_score: None,
        }
        .with_average()
    }
}
