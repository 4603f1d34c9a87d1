//! Whether the server takes writes.

use std::time::Duration;

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, WriteConcern};

use super::MongoStore;
use super::documents::PROBE;
use super::query::Query;
use super::shapes::WRITE_PROBE;
use crate::store::{HealthStore, Result, StoreError};

const PING_TIMEOUT: Duration = Duration::from_secs(1);

#[async_trait]
impl HealthStore for MongoStore {
    async fn ping(&self) -> Result<()> {
        let probe = self.collection::<Document>(PROBE);
        let durably = WriteConcern::builder().w(Acknowledgment::Majority).w_timeout(PING_TIMEOUT).build();
        let write = self.run(async move {
            let more = doc! { "$inc": { "number": 1_i64 } };
            let write = probe.update_one(probe_query().filter, more).comment(WRITE_PROBE.comment());
            WRITE_PROBE.timed(write.upsert(true).write_concern(durably)).await.map(drop)
        });
        let late = |_| StoreError::Unanswered("no answer within a second".to_owned());
        tokio::time::timeout(PING_TIMEOUT, write).await.map_err(late)?
    }
}

pub(super) fn probe_query() -> Query {
    Query::by_id(&WRITE_PROBE, 1)
}
