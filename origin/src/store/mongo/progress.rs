//! What learners did: records, statistics, history, and the transaction that operations are applied in. Not how one is applied
//! (`operations`).

use std::collections::{BTreeSet, HashMap};
use std::future::ready;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{FutureExt, TryStreamExt};
use kairos_protocol::UnixMillis;
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use kairos_protocol::sync::generation::Namespace;
use mongodb::bson::{Document, doc};
use serde::Deserialize;

use super::documents::{
    HISTORY, HistoryDocument, OPERATIONS, OperationDocument, PROGRESS, ProgressDocument, date, operation_id,
};
use super::operations::{OwnedOperation, apply_all};
use super::transaction::Outcome;
use super::{MongoStore, OPERATION_TIMEOUT};
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
        let mut query = doc! { "user_id": user.as_str() };
        if let Some(after) = after {
            query.insert("module", doc! { "$gt": after.as_str() });
        }
        self.read_state(Namespace::User(user.clone()), move |session| {
            let (progress, query) = (progress.clone(), query.clone());
            async move {
                let found = progress
                    .find(query)
                    .sort(doc! { "module": 1 })
                    .limit(limit.into())
                    .batch_size(limit + 1)
                    .max_time(OPERATION_TIMEOUT);
                found.session(&mut *session).await?.stream(session).map_ok(ProgressRecord::from).try_collect().await
            }
            .boxed()
        })
        .await
    }

    async fn statistics(&self, user: &UserId) -> store::Result<Versioned<Statistics>> {
        let progress = self.in_snapshot::<Document>(PROGRESS);
        let pipeline = statistics_pipeline(user);
        self.read_state(Namespace::User(user.clone()), move |session| {
            let (progress, pipeline) = (progress.clone(), pipeline.clone());
            async move {
                let sums = progress.aggregate(pipeline).max_time(OPERATION_TIMEOUT).session(&mut *session);
                let mut sums = sums.with_type::<Sums>().await?;
                Ok(sums.next(session).await.transpose()?.map(Statistics::from).unwrap_or_default())
            }
            .boxed()
        })
        .await
    }

    async fn list_history(
        &self,
        user: &UserId,
        after: Option<&(UnixMillis, OperationId)>,
        limit: u32,
    ) -> store::Result<Versioned<Vec<HistoryEntry>>> {
        let history = self.in_snapshot::<HistoryDocument>(HISTORY);
        let query = history_query(user, after);
        self.read_state(Namespace::User(user.clone()), move |session| {
            let (history, query) = (history.clone(), query.clone());
            async move {
                let found = history
                    .find(query)
                    .sort(doc! { "at": -1, "operation": -1 })
                    .limit(limit.into())
                    .batch_size(limit + 1)
                    .max_time(OPERATION_TIMEOUT);
                found.session(&mut *session).await?.stream(session).map_ok(HistoryEntry::from).try_collect().await
            }
            .boxed()
        })
        .await
    }

    async fn known_among(&self, user: &UserId, ids: &[OperationId]) -> store::Result<BTreeSet<OperationId>> {
        let collection = self.collection::<OperationDocument>(OPERATIONS);
        let asked: HashMap<String, OperationId> = ids.iter().map(|id| (operation_id(user, id), id.clone())).collect();
        self.read(async move {
            let wanted = doc! { "_id": { "$in": asked.keys().collect::<Vec<_>>() } };
            let found = collection.find(wanted).max_time(OPERATION_TIMEOUT).await?;
            found.try_filter_map(|d| ready(Ok(asked.get(&d.id).cloned()))).try_collect().await
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

/// What the statistics pipeline gives.
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

/// One `$group` over a learner's records (row Q1). Sums are 64-bit from the first record on.
fn statistics_pipeline(user: &UserId) -> Vec<Document> {
    let count_if = |condition: Document| doc! { "$sum": { "$cond": [condition, 1_i64, 0_i64] } };
    let status_is = |status: &str| count_if(doc! { "$eq": ["$status", status] });
    vec![
        doc! { "$match": { "user_id": user.as_str() } },
        doc! { "$group": {
            "_id": null,
            "modules": { "$sum": 1_i64 },
            "completed": status_is("completed"),
            "in_progress": status_is("in_progress"),
            "time_spent_secs": { "$sum": "$time_spent_secs" },
            "attempts": { "$sum": { "$toLong": "$attempts" } },
            "scored": count_if(doc! { "$gte": ["$best_score", 0] }),
            "score_sum": { "$sum": { "$toLong": "$best_score" } },
        } },
    ]
}

/// Branch by branch, each one range of the same index.
fn history_query(user: &UserId, after: Option<&(UnixMillis, OperationId)>) -> Document {
    let user = user.as_str();
    match after {
        None => doc! { "user_id": user },
        Some((at, operation)) => doc! { "$or": [
            { "user_id": user, "at": date(*at), "operation": { "$lt": operation.as_str() } },
            { "user_id": user, "at": { "$lt": date(*at) } },
        ] },
    }
}
