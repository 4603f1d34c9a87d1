//! The signing key: one row, the first that was inserted.

use async_trait::async_trait;
use rusqlite::{Connection, Result, Row, params};

use super::{SqliteStore, statements};
use crate::store::keys::SigningKey;
use crate::store::{self, KeyStore};

#[async_trait]
impl KeyStore for SqliteStore {
    async fn signing_key(&self, candidate: &SigningKey) -> store::Result<SigningKey> {
        let candidate = candidate.clone();
        self.writer.write("keys.current", move |c| signing_key(c, &candidate)).await
    }
}

pub(super) fn signing_key(connection: &Connection, candidate: &SigningKey) -> Result<SigningKey> {
    connection.execute(statements::INSERT_KEY, params![candidate.kid, candidate.pkcs8, candidate.public])?;
    let key = |row: &Row<'_>| Ok(SigningKey { kid: row.get(0)?, pkcs8: row.get(1)?, public: row.get(2)? });
    connection.query_row(statements::SIGNING_KEY, [], key)
}
