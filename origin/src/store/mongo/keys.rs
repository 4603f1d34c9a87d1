//! The signing key: one document, the first that any instance inserted.

use async_trait::async_trait;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, doc};
use mongodb::options::ReturnDocument;

use super::MongoStore;
use super::documents::KEYS;
use super::query::Query;
use super::shapes::SIGNING_KEY;
use crate::store::keys::SigningKey;
use crate::store::{self, KeyStore, StoreError};

const CURRENT_KEY: &str = "access-tokens";

#[async_trait]
impl KeyStore for MongoStore {
    async fn signing_key(&self, candidate: &SigningKey) -> store::Result<SigningKey> {
        let keys = self.collection::<Document>(KEYS);
        let bytes = |b: &[u8]| Binary { subtype: BinarySubtype::Generic, bytes: b.to_vec() };
        let first = doc! {
            "kid": &candidate.kid,
            "pkcs8": bytes(&candidate.pkcs8),
            "public": bytes(&candidate.public),
        };
        let stored = self
            .run(async move {
                let query = key_query().filter;
                // Two instances that start at once may both try to insert; the loser finds the winner's.
                let upsert = || {
                    let upsert = keys
                        .find_one_and_update(query.clone(), doc! { "$setOnInsert": first.clone() })
                        .comment(SIGNING_KEY.comment())
                        .upsert(true)
                        .return_document(ReturnDocument::After);
                    SIGNING_KEY.timed(upsert)
                };
                match upsert().await {
                    Err(_) => upsert().await,
                    done => done,
                }
            })
            .await?;
        stored.as_ref().and_then(read_key).ok_or_else(|| StoreError::Corrupt("an unreadable signing key".to_owned()))
    }
}

pub(super) fn key_query() -> Query {
    Query::by_id(&SIGNING_KEY, CURRENT_KEY)
}

fn read_key(document: &Document) -> Option<SigningKey> {
    Some(SigningKey {
        kid: document.get_str("kid").ok()?.to_owned(),
        pkcs8: document.get_binary_generic("pkcs8").ok()?.clone(),
        public: document.get_binary_generic("public").ok()?.as_slice().try_into().ok()?,
    })
}
