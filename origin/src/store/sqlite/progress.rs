//! What learners did: records, statistics, history. How operations are applied is in `operations`.

use std::collections::BTreeSet;

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use kairos_protocol::sync::generation::Namespace;
use rusqlite::{Connection, Result, params};

use super::rows::{self, json, word};
use super::{SqliteStore, generations, operations, statements};
use crate::store::progress::{Applied, FingerprintedOperation};
use crate::store::{self, ProgressStore, Versioned};

#[async_trait]
impl ProgressStore for SqliteStore {
    async fn list_progress(
        &self,
        user: &UserId,
        after: Option<&Slug>,
        limit: u32,
    ) -> store::Result<Versioned<Vec<ProgressRecord>>> {
        let (user, after) = (user.clone(), after.cloned());
        self.read_state("progress.list", vec![Namespace::User(user.clone())], move |c| {
            records(c, &user, after.as_ref(), limit)
        })
        .await
    }

    async fn statistics(&self, user: &UserId) -> store::Result<Versioned<Statistics>> {
        let user = user.clone();
        self.read_state("progress.statistics", vec![Namespace::User(user.clone())], move |c| statistics(c, &user)).await
    }

    async fn list_history(
        &self,
        user: &UserId,
        after: Option<&(UnixMillis, OperationId)>,
        limit: u32,
    ) -> store::Result<Versioned<Vec<HistoryEntry>>> {
        let (user, after) = (user.clone(), after.cloned());
        self.read_state("history.list", vec![Namespace::User(user.clone())], move |c| {
            history(c, &user, after.as_ref(), limit)
        })
        .await
    }

    async fn known_among(&self, user: &UserId, ids: &[OperationId]) -> store::Result<BTreeSet<OperationId>> {
        let (user, ids) = (user.clone(), ids.to_vec());
        self.readers.read("operations.known", move |c| operations::known_among(c, &user, &ids)).await
    }

    async fn apply_operations(
        &self,
        user: &UserId,
        operations: &[FingerprintedOperation],
        now: UnixMillis,
    ) -> store::Result<Versioned<Vec<Applied>>> {
        let (user, wanted) = (user.clone(), operations.to_vec());
        let apply = move |c: &Connection| {
            let applied = operations::apply(c, &user, &wanted, now)?;
            let has_changed = applied.iter().any(|applied| matches!(applied, Applied::Now(_)));
            generations::commit(c, &[Namespace::User(user)], now, has_changed, applied)
        };
        self.writer.write("operations.apply", apply).await
    }

    async fn import_operations(
        &self,
        operations: &[(UserId, FingerprintedOperation)],
        now: UnixMillis,
    ) -> store::Result<Versioned<u64>> {
        let wanted = operations.to_vec();
        let import = move |c: &Connection| {
            let applied = operations::import(c, &wanted, now)?;
            let users: BTreeSet<Namespace> = wanted.into_iter().map(|(user, _)| Namespace::User(user)).collect();
            generations::commit(c, &Vec::from_iter(users), now, applied > 0, applied)
        };
        self.writer.write("operations.import", import).await
    }
}

pub(super) fn records(
    connection: &Connection,
    user: &UserId,
    after: Option<&Slug>,
    limit: u32,
) -> Result<Vec<ProgressRecord>> {
    // No slug sorts before the empty text.
    let after = after.map_or("", Slug::as_str);
    let mut statement = connection.prepare_cached(&statements::LIST_PROGRESS)?;
    statement.query_map(params![user.as_str(), after, limit], rows::record)?.collect()
}

/// One query (row Q1).
pub(super) fn statistics(connection: &Connection, user: &UserId) -> Result<Statistics> {
    connection.prepare_cached(statements::STATISTICS)?.query_row([user.as_str()], |row| {
        let sums = Statistics {
            modules: row.get(0)?,
            completed: row.get(1)?,
            in_progress: row.get(2)?,
            time_spent_secs: row.get(3)?,
            attempts: row.get(4)?,
            scored: row.get(5)?,
            score_sum: row.get(6)?,
            average_score: None,
        };
        Ok(sums.with_average())
    })
}

pub(super) fn history(
    connection: &Connection,
    user: &UserId,
    after: Option<&(UnixMillis, OperationId)>,
    limit: u32,
) -> Result<Vec<HistoryEntry>> {
    // Nothing sorts after the last moment there is.
    let (at_ms, operation) = after.map_or((UnixMillis::MAX, ""), |(at, id)| (*at, id.as_str()));
    let mut statement = connection.prepare_cached(statements::LIST_HISTORY)?;
    let entries = statement.query_map(params![user.as_str(), at_ms, operation, limit], |row| {
        Ok(HistoryEntry { id: word(row, 0)?, module: word(row, 1)?, at_ms: row.get(2)?, action: json(row, 3)? })
    });
    entries?.collect()
}
