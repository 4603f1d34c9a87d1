//! Between rows and records. Text that is no value of its kind means that other hands changed the file: an error, no panic.

use kairos_protocol::api::catalog::{Module, ModuleSummary};
use kairos_protocol::api::progress::ProgressRecord;
use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The columns of [`summary`], in its order.
pub(super) const SUMMARY_COLUMNS: &str =
    "slug, title, subject, position, difficulty, tags, language, summary, duration_minutes, updated_at_ms";

/// The columns of [`record`], in its order.
pub(super) const RECORD_COLUMNS: &str =
    "module, status, best_score, last_score, time_spent_secs, attempts, updated_at_ms, completed_at_ms";

/// Reads text that `parse` understands.
pub(super) fn parsed<T, E>(
    row: &Row<'_>,
    index: usize,
    parse: impl FnOnce(String) -> Result<T, E>,
) -> rusqlite::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(index)?;
    parse(text).map_err(|error| rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error)))
}

/// Reads JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    parsed(row, index, |text| serde_json::from_str(&text))
}

/// Reads the text of an enum: what serde writes for it, without the quotes.
pub(super) fn word<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    parsed(row, index, |text| serde_json::from_value(serde_json::Value::String(text)))
}

/// Writes JSON.
pub(super) fn to_json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

pub(super) fn summary(row: &Row<'_>) -> rusqlite::Result<ModuleSummary> {
    Ok(ModuleSummary {
        slug: word(row, 0)?,
        title: row.get(1)?,
        subject: row.get(2)?,
        position: row.get(3)?,
        difficulty: word(row, 4)?,
        tags: json(row, 5)?,
        language: row.get(6)?,
        summary: row.get(7)?,
        duration_minutes: row.get(8)?,
        updated_at_ms: row.get(9)?,
    })
}

/// Reads [`SUMMARY_COLUMNS`], then content, status, version, `created_at_ms`.
pub(super) fn module(row: &Row<'_>) -> rusqlite::Result<Module> {
    Ok(Module {
        summary: summary(row)?,
        content: row.get(10)?,
        status: word(row, 11)?,
        version: row.get(12)?,
        created_at_ms: row.get(13)?,
    })
}

pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<ProgressRecord> {
    let last_score: Option<String> = row.get(3)?;
    Ok(ProgressRecord {
        module: word(row, 0)?,
        status: word(row, 1)?,
        best_score: row.get(2)?,
        last_score: if last_score.is_some() { Some(json(row, 3)?) } else { None },
        time_spent_secs: row.get(4)?,
        attempts: row.get(5)?,
        updated_at_ms: row.get(6)?,
        completed_at_ms: row.get(7)?,
    })
}
