//! Applying operations exactly once (I-ONCE): everything an operation does is in one transaction with its id.

use std::collections::BTreeSet;

use kairos_protocol::UnixMillis;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::operation::Operation;
use kairos_protocol::api::progress::ProgressRecord;
use kairos_protocol::sync::reducer;
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::rows::{self, to_json};
use super::statements;
use crate::store::progress::{Applied, FingerprintedOperation, OPERATION_ID_LIFETIME_MS};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    New,
    Done,
    Reused,
}

pub(super) fn apply(
    connection: &Connection,
    user: &UserId,
    operations: &[FingerprintedOperation],
    now: UnixMillis,
) -> Result<Vec<Applied>> {
    delete_expired(connection, now)?;
    let known = operations.iter().map(|o| apply_one(connection, user, o, now)).collect::<Result<Vec<_>>>()?;
    let outcome = |(fingerprinted, known): (&FingerprintedOperation, Known)| {
        let module = &fingerprinted.operation.module;
        let record =
            || find(connection, user, module).map(|r| r.unwrap_or_else(|| ProgressRecord::empty(module.clone())));
        Ok(match known {
            Known::New => Applied::Now(record()?),
            Known::Done => Applied::Before(record()?),
            Known::Reused => Applied::IdReused,
        })
    };
    operations.iter().zip(known).map(outcome).collect()
}

pub(super) fn known_among(
    connection: &Connection,
    user: &UserId,
    ids: &[OperationId],
) -> Result<BTreeSet<OperationId>> {
    let mut find = connection.prepare_cached(statements::KNOWN_OPERATION)?;
    let mut known = BTreeSet::new();
    for id in ids {
        if find.exists([user.as_str(), id.as_str()])? {
            known.insert(id.clone());
        }
    }
    Ok(known)
}

pub(super) fn import(
    connection: &Connection,
    operations: &[(UserId, FingerprintedOperation)],
    now: UnixMillis,
) -> Result<u64> {
    let mut applied = 0;
    for (user, operation) in operations {
        applied += u64::from(apply_one(connection, user, operation, now)? == Known::New);
    }
    Ok(applied)
}

fn apply_one(
    connection: &Connection,
    user: &UserId,
    fingerprinted: &FingerprintedOperation,
    now: UnixMillis,
) -> Result<Known> {
    let FingerprintedOperation { operation, fingerprint } = fingerprinted;
    let values = params![user.as_str(), operation.id.as_str(), fingerprint, now + OPERATION_ID_LIFETIME_MS];
    if connection.prepare_cached(statements::INSERT_OPERATION)?.execute(values)? == 0 {
        let values = params![fingerprint, user.as_str(), operation.id.as_str()];
        let mut compare = connection.prepare_cached(statements::COMPARE_OPERATION)?;
        let is_same: bool = compare.query_row(values, |row| row.get(0))?;
        return Ok(if is_same { Known::Done } else { Known::Reused });
    }
    let present = find(connection, user, &operation.module)?;
    let mut record = present.unwrap_or_else(|| ProgressRecord::empty(operation.module.clone()));
    reducer::apply(&mut record, operation);
    put(connection, user, &record)?;
    append(connection, user, operation)?;
    Ok(Known::New)
}

fn find(connection: &Connection, user: &UserId, module: &Slug) -> Result<Option<ProgressRecord>> {
    let mut find = connection.prepare_cached(&statements::FIND_RECORD)?;
    find.query_row([user.as_str(), module.as_str()], rows::record).optional()
}

fn put(connection: &Connection, user: &UserId, record: &ProgressRecord) -> Result<()> {
    let values = params![
        user.as_str(),
        record.module.as_str(),
        record.status.as_str(),
        record.best_score,
        record.last_score.as_ref().map(to_json).transpose()?,
        i64::try_from(record.time_spent_secs).unwrap_or(i64::MAX),
        record.attempts,
        record.updated_at_ms,
        record.completed_at_ms
    ];
    connection.prepare_cached(&statements::PUT_RECORD)?.execute(values).map(drop)
}

fn append(connection: &Connection, user: &UserId, operation: &Operation) -> Result<()> {
    let action = to_json(&operation.action)?;
    let values = params![user.as_str(), operation.at_ms, operation.id.as_str(), operation.module.as_str(), action];
    connection.prepare_cached(statements::INSERT_HISTORY)?.execute(values).map(drop)
}

fn delete_expired(connection: &Connection, now: UnixMillis) -> Result<()> {
    connection.prepare_cached(statements::EXPIRE_OPERATIONS)?.execute([now]).map(drop)
}
