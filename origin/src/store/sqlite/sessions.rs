//! Sessions: begun, continued with a refresh token, ended. Expired ones are deleted in passing and never honoured.

use kairos_protocol::UnixMillis;
use kairos_protocol::api::ids::UserId;
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::rows::word;
use crate::store::records::{NewSession, Rotation, Successor};

pub(super) fn insert(connection: &Connection, session: &NewSession) -> Result<bool> {
    let sql = "INSERT INTO sessions (family, user_id, token_hash, expires_at_ms)
        SELECT ?, id, ?, ? FROM users WHERE id = ? AND hashed_password = ?";
    let NewSession { family, user, verified_hash, token_hash, expires_at_ms } = session;
    let values = params![family, token_hash, expires_at_ms, user.as_str(), verified_hash];
    Ok(connection.prepare_cached(sql)?.execute(values)? == 1)
}

pub(super) fn rotate(
    connection: &Connection,
    family: &str,
    shown: &str,
    next: &Successor,
    now: UnixMillis,
) -> Result<Rotation> {
    connection.prepare_cached("DELETE FROM sessions WHERE expires_at_ms <= ?")?.execute([now])?;
    let sql = "SELECT user_id, token_hash, previous_hash FROM sessions WHERE family = ?";
    let found = connection
        .prepare_cached(sql)?
        .query_row([family], |row| {
            let user: UserId = word(row, 0)?;
            Ok((user, row.get::<_, String>(1)?, row.get::<_, Option<String>>(2)?))
        })
        .optional()?;
    let Some((user, newest, previous)) = found else {
        return Ok(Rotation::Unknown);
    };
    if newest == shown {
        let sql = "UPDATE sessions SET token_hash = ?, previous_hash = ?, expires_at_ms = ? WHERE family = ?";
        let values = params![next.token_hash, shown, next.expires_at_ms, family];
        connection.prepare_cached(sql)?.execute(values)?;
        return Ok(Rotation::Rotated { user });
    }
    if newest == next.token_hash && previous.as_deref() == Some(shown) {
        return Ok(Rotation::Rotated { user });
    }
    end(connection, family)?;
    Ok(Rotation::Reused)
}

pub(super) fn end(connection: &Connection, family: &str) -> Result<()> {
    connection.prepare_cached("DELETE FROM sessions WHERE family = ?")?.execute([family]).map(drop)
}
