//! Sessions: begun, continued with a refresh token, ended. Expired ones are deleted in passing and never honoured.

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::ids::UserId;
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::rows::word;
use super::{SqliteStore, statements};
use crate::store::sessions::{NewSession, Rotation, Successor};
use crate::store::{self, SessionStore};

#[async_trait]
impl SessionStore for SqliteStore {
    async fn insert_session(&self, session: &NewSession) -> store::Result<bool> {
        let session = session.clone();
        self.writer.write("sessions.insert", move |c| insert(c, &session)).await
    }

    async fn rotate_session(
        &self,
        family: &str,
        shown: &str,
        next: &Successor,
        now: UnixMillis,
    ) -> store::Result<Rotation> {
        let (family, shown, next) = (family.to_owned(), shown.to_owned(), next.clone());
        self.writer.write("sessions.rotate", move |c| rotate(c, &family, &shown, &next, now)).await
    }

    async fn end_session(&self, family: &str) -> store::Result<()> {
        let family = family.to_owned();
        self.writer.write("sessions.end", move |c| end(c, &family)).await
    }
}

pub(super) fn insert(connection: &Connection, session: &NewSession) -> Result<bool> {
    let NewSession { family, user, verified_hash, token_hash, expires_at_ms } = session;
    let values = params![family, token_hash, expires_at_ms, user.as_str(), verified_hash];
    Ok(connection.prepare_cached(statements::INSERT_SESSION)?.execute(values)? == 1)
}

pub(super) fn rotate(
    connection: &Connection,
    family: &str,
    shown: &str,
    next: &Successor,
    now: UnixMillis,
) -> Result<Rotation> {
    connection.prepare_cached(statements::EXPIRE_SESSIONS)?.execute([now])?;
    let found = connection
        .prepare_cached(statements::FIND_SESSION)?
        .query_row([family], |row| {
            let user: UserId = word(row, 0)?;
            Ok((user, row.get::<_, String>(1)?, row.get::<_, Option<String>>(2)?))
        })
        .optional()?;
    let Some((user, newest, previous)) = found else {
        return Ok(Rotation::Unknown);
    };
    if newest == shown {
        let values = params![next.token_hash, shown, next.expires_at_ms, family];
        connection.prepare_cached(statements::ROTATE_SESSION)?.execute(values)?;
        return Ok(Rotation::Rotated { user });
    }
    if newest == next.token_hash && previous.as_deref() == Some(shown) {
        return Ok(Rotation::Rotated { user });
    }
    end(connection, family)?;
    Ok(Rotation::Reused)
}

pub(super) fn end(connection: &Connection, family: &str) -> Result<()> {
    connection.prepare_cached(statements::END_SESSION)?.execute([family]).map(drop)
}
