//! Whether the server takes writes.

use std::time::Duration;

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, WriteConcern};

use super::MongoStore;
use super::documents::PROBE;
use crate::store::{HealthStore, Result, StoreError};

const PING_TIMEOUT: Duration = Duration::from_secs(1);

#[async_trait]
impl HealthStore for MongoStore {
    async fn ping(&self) -> Result<()> {
        let probe = self.collection::<Document>(PROBE);
        let durably = WriteConcern::builder().w(Acknowledgment::Majority).w_timeout(PING_TIMEOUT).build();
        let write = self.run(async move {
            let more = doc! { "$inc": { "number": 1_i64 } };
            probe.update_one(doc! { "_id": 1 }, more).upsert(true).write_concern(durably).await.map(drop)
        });
        let late = |_| StoreError::Unanswered("no answer within a second".to_owned());
        tokio::time::timeout(PING_TIMEOUT, write).await.map_err(late)?
    }
}
