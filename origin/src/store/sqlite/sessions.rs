//! Refresh tokens: kept, rotated, ended. Expired ones are deleted in passing and never honoured.

use kairos_protocol::UnixMillis;
use kairos_protocol::ids::UserId;
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::rows::word;
use crate::store::records::{NewSession, Rotation, Successor};

const INSERT: &str = "INSERT INTO sessions (token_hash, user_id, family, expires_at_ms) VALUES (?, ?, ?, ?)";

pub(super) fn insert(connection: &Connection, session: &NewSession) -> Result<()> {
    let values = params![session.token_hash, session.user.as_str(), session.family, session.expires_at_ms];
    connection.prepare_cached(INSERT)?.execute(values).map(drop)
}

pub(super) fn rotate(connection: &Connection, shown: &str, next: &Successor, now: UnixMillis) -> Result<Rotation> {
    connection.prepare_cached("DELETE FROM sessions WHERE expires_at_ms <= ?")?.execute([now])?;
    let sql = "SELECT user_id, family, rotated_at_ms FROM sessions WHERE token_hash = ?";
    let found = connection
        .prepare_cached(sql)?
        .query_row([shown], |row| {
            let user: UserId = word(row, 0)?;
            Ok((user, row.get::<_, String>(1)?, row.get::<_, Option<UnixMillis>>(2)?))
        })
        .optional()?;
    let Some((user, family, rotated_at)) = found else {
        return Ok(Rotation::Unknown);
    };
    if rotated_at.is_some_and(|at| now - at > Rotation::GRACE_MS) {
        end_family(connection, &family)?;
        return Ok(Rotation::Reused);
    }
    let mark = "UPDATE sessions SET rotated_at_ms = coalesce(rotated_at_ms, ?) WHERE token_hash = ?";
    connection.prepare_cached(mark)?.execute(params![now, shown])?;
    let Successor { token_hash, expires_at_ms } = next.clone();
    insert(connection, &NewSession { token_hash, user: user.clone(), family, expires_at_ms })?;
    Ok(Rotation::Rotated { user })
}

pub(super) fn end(connection: &Connection, token_hash: &str) -> Result<()> {
    let sql = "SELECT family FROM sessions WHERE token_hash = ?";
    let family: Option<String> =
        connection.prepare_cached(sql)?.query_row([token_hash], |row| row.get(0)).optional()?;
    family.map_or(Ok(()), |family| end_family(connection, &family))
}

fn end_family(connection: &Connection, family: &str) -> Result<()> {
    connection.prepare_cached("DELETE FROM sessions WHERE family = ?")?.execute([family]).map(drop)
}
