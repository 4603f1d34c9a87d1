//! The signing keys: one document, so that they change together. The newest one stands in it by itself too, as a release
//! that knew one key had it: that one starts from it, and its rules for the collection are kept.

use async_trait::async_trait;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, doc};
use mongodb::options::{ReadPreference, ReturnDocument, SelectionCriteria};

use super::MongoStore;
use super::documents::{KEYS, date};
use super::query::Query;
use super::shapes::{KEY_RING, PUT_KEY_RING};
use crate::store::keys::{KeyRing, SigningKey};
use crate::store::{self, KeyStore, StoreError};

const CURRENT: &str = "access-tokens";

#[async_trait]
impl KeyStore for MongoStore {
    async fn key_ring(&self) -> store::Result<Option<KeyRing>> {
        let keys = self.collection::<Document>(KEYS);
        let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
        let find = async move {
            let find = key_query().find_one(&keys).selection_criteria(primary);
            KEY_RING.timed(find).await
        };
        let Some(stored) = self.read(find).await? else { return Ok(None) };
        let ring = read_ring(&stored);
        ring.ok_or_else(|| StoreError::Corrupt("unreadable signing keys".to_owned())).map(Some)
    }

    async fn put_key_ring(&self, ring: &KeyRing) -> store::Result<bool> {
        let keys = self.collection::<Document>(KEYS);
        let (document, replaced) = (to_document(ring), version(ring) - 1);
        let before = self
            .run(async move {
                let query = put_query().filter;
                // A pipeline: nothing changes unless the one that is there is the one that was seen.
                let is_seen = doc! { "$eq": [{ "$ifNull": ["$version", 0_i64] }, replaced] };
                let replace = doc! { "$cond": [is_seen, { "$literal": document }, "$$ROOT"] };
                let put = || {
                    let put = keys
                        .find_one_and_update(query.clone(), vec![doc! { "$replaceWith": replace.clone() }])
                        .comment(PUT_KEY_RING.comment())
                        .upsert(true)
                        .return_document(ReturnDocument::Before);
                    PUT_KEY_RING.timed(put)
                };
                // Two instances that start at once may both try to insert; the loser finds the winner's.
                match put().await {
                    Err(_) => put().await,
                    done => done,
                }
            })
            .await?;
        Ok(before.is_none_or(|before| before.get_i64("version").unwrap_or(0) == replaced))
    }
}

pub(super) fn key_query() -> Query {
    Query::by_id(&KEY_RING, CURRENT)
}

pub(super) fn put_query() -> Query {
    Query::by_id(&PUT_KEY_RING, CURRENT)
}

fn version(ring: &KeyRing) -> i64 {
    i64::try_from(ring.version).unwrap_or(i64::MAX)
}

fn to_document(ring: &KeyRing) -> Document {
    let mut document = ring.keys.first().map(key_document).unwrap_or_default();
    document.insert("_id", CURRENT);
    document.insert("version", version(ring));
    document.insert("installation", &ring.installation);
    document.insert("refresh_secret", bytes(&ring.refresh_secret));
    document.insert("keys", ring.keys.iter().map(key_document).collect::<Vec<_>>());
    document
}

fn key_document(key: &SigningKey) -> Document {
    let mut document = doc! {
        "kid": &key.kid,
        "pkcs8": bytes(&key.pkcs8),
        "public": bytes(&key.public),
        "signs_from": date(key.signs_from_ms),
    };
    if let Some(until) = key.verifies_until_ms {
        document.insert("verifies_until", date(until));
    }
    document
}

fn bytes(bytes: &[u8]) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() }
}

fn read_ring(document: &Document) -> Option<KeyRing> {
    let Ok(version) = document.get_i64("version") else {
        // Of a release that knew one key.
        let (installation, refresh_secret) = (String::new(), Vec::new());
        return Some(KeyRing { version: 0, installation, refresh_secret, keys: vec![read_key(document)?] });
    };
    let keys =
        document.get_array("keys").ok()?.iter().map(|key| read_key(key.as_document()?)).collect::<Option<_>>()?;
    Some(KeyRing {
        version: u64::try_from(version).ok()?,
        installation: document.get_str("installation").ok()?.to_owned(),
        refresh_secret: document.get_binary_generic("refresh_secret").ok()?.clone(),
        keys,
    })
}

fn read_key(document: &Document) -> Option<SigningKey> {
    let millis = |field: &str| document.get_datetime(field).ok().map(|at| at.timestamp_millis());
    Some(SigningKey {
        kid: document.get_str("kid").ok()?.to_owned(),
        pkcs8: document.get_binary_generic("pkcs8").ok()?.clone(),
        public: document.get_binary_generic("public").ok()?.as_slice().try_into().ok()?,
        signs_from_ms: millis("signs_from").unwrap_or(0),
        verifies_until_ms: millis("verifies_until"),
    })
}
