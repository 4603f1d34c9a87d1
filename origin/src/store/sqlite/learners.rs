//! A learner's reads: records, statistics, history.

use kairos_protocol::UnixMillis;
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use rusqlite::{Connection, Result, params};

use super::rows::{self, RECORD_COLUMNS, json, word};

pub(super) fn records(
    connection: &Connection,
    user: &UserId,
    after: Option<&Slug>,
    limit: u32,
) -> Result<Vec<ProgressRecord>> {
    // No slug sorts before the empty text.
    let after = after.map_or("", Slug::as_str);
    let sql = format!("SELECT {RECORD_COLUMNS} FROM progress WHERE user_id = ? AND module > ? ORDER BY module LIMIT ?");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map(params![user.as_str(), after, limit], rows::record)?.collect()
}

/// One query (row Q1).
pub(super) fn statistics(connection: &Connection, user: &UserId) -> Result<Statistics> {
    let sql = "SELECT count(*), coalesce(sum(status = 'completed'), 0), coalesce(sum(status = 'in_progress'), 0),
            coalesce(sum(time_spent_secs), 0), coalesce(sum(attempts), 0), count(best_score),
            coalesce(sum(best_score), 0)
        FROM progress WHERE user_id = ?";
    connection.prepare_cached(sql)?.query_row([user.as_str()], |row| {
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
    let sql = "SELECT operation, module, at_ms, action FROM history
        WHERE user_id = ? AND (at_ms, operation) < (?, ?) ORDER BY at_ms DESC, operation DESC LIMIT ?";
    let mut statement = connection.prepare_cached(sql)?;
    let entries = statement.query_map(params![user.as_str(), at_ms, operation, limit], |row| {
        Ok(HistoryEntry { id: word(row, 0)?, module: word(row, 1)?, at_ms: row.get(2)?, action: json(row, 3)? })
    });
    entries?.collect()
}
