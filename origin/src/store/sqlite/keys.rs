//! The signing keys: one row, so that they change together.

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension, Result, Row, params};
use serde::{Deserialize, Serialize};

use super::{SqliteStore, statements};
use crate::store::keys::{KeyRing, SigningKey};
use crate::store::{self, KeyStore};

#[async_trait]
impl KeyStore for SqliteStore {
    async fn key_ring(&self) -> store::Result<Option<KeyRing>> {
        self.readers.read("keys.current", key_ring).await
    }

    async fn put_key_ring(&self, ring: &KeyRing) -> store::Result<bool> {
        let ring = ring.clone();
        self.writer.write("keys.put", move |c| put(c, &ring)).await
    }
}

pub(super) fn key_ring(connection: &Connection) -> Result<Option<KeyRing>> {
    connection.query_row(statements::KEY_RING, [], read).optional()
}

pub(super) fn put(connection: &Connection, ring: &KeyRing) -> Result<bool> {
    let keys: Vec<StoredKey> = ring.keys.iter().map(StoredKey::of).collect();
    let keys = serde_json::to_string(&keys).map_err(|error| Error::ToSqlConversionFailure(error.into()))?;
    let values = params![ring.version, ring.installation, ring.refresh_secret, keys];
    Ok(connection.execute(statements::PUT_KEY_RING, values)? == 1)
}

/// A key in the JSON of the column `keys`.
#[derive(Serialize, Deserialize)]
struct StoredKey {
    kid: String,
    /// In hexadecimal, as `public`.
    pkcs8: String,
    public: String,
    signs_from_ms: UnixMillis,
    verifies_until_ms: Option<UnixMillis>,
}

impl StoredKey {
    fn of(key: &SigningKey) -> Self {
        Self {
            kid: key.kid.clone(),
            pkcs8: hex::encode(&key.pkcs8),
            public: hex::encode(key.public),
            signs_from_ms: key.signs_from_ms,
            verifies_until_ms: key.verifies_until_ms,
        }
    }

    fn to_key(&self) -> Option<SigningKey> {
        Some(SigningKey {
            kid: self.kid.clone(),
            pkcs8: hex::decode(&self.pkcs8).ok()?,
            public: hex::decode(&self.public).ok()?.try_into().ok()?,
            signs_from_ms: self.signs_from_ms,
            verifies_until_ms: self.verifies_until_ms,
        })
    }
}

fn read(row: &Row<'_>) -> Result<KeyRing> {
    // Without what it could not read: that is a secret.
    let unreadable = || Error::FromSqlConversionFailure(3, Type::Text, "unreadable signing keys".into());
    let keys: Vec<StoredKey> = serde_json::from_str(&row.get::<_, String>(3)?).map_err(|_| unreadable())?;
    let keys: Option<Vec<SigningKey>> = keys.iter().map(StoredKey::to_key).collect();
    Ok(KeyRing {
        version: row.get(0)?,
        installation: row.get(1)?,
        refresh_secret: row.get(2)?,
        keys: keys.ok_or_else(unreadable)?,
    })
}
