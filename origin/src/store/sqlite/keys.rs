//! The signing key: one row, the first that was inserted.

use async_trait::async_trait;
use rusqlite::{Connection, Result, params};

use super::SqliteStore;
use crate::store::keys::SigningKey;
use crate::store::{self, KeyStore};

#[async_trait]
impl KeyStore for SqliteStore {
    async fn signing_key(&self, candidate: &SigningKey) -> store::Result<SigningKey> {
        let candidate = candidate.clone();
        self.writer.write(move |c| signing_key(c, &candidate)).await
    }
}

pub(super) fn signing_key(connection: &Connection, candidate: &SigningKey) -> Result<SigningKey> {
    let insert = "INSERT OR IGNORE INTO signing_keys (name, kid, pkcs8, public) VALUES ('access-tokens', ?, ?, ?)";
    connection.execute(insert, params![candidate.kid, candidate.pkcs8, candidate.public])?;
    let select = "SELECT kid, pkcs8, public FROM signing_keys WHERE name = 'access-tokens'";
    connection.query_row(select, [], |row| Ok(SigningKey { kid: row.get(0)?, pkcs8: row.get(1)?, public: row.get(2)? }))
}
