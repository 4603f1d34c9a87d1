//! The numbers of namespaces ([`crate::store::GenerationStore`]).

use kairos_protocol::UnixMillis;
use kairos_protocol::generation::{Generation, Generations, Namespace};
use mongodb::bson::{Document, doc};

use super::MongoStore;
use crate::store::{self, Versioned};

const GENERATIONS: &str = "generations";

impl MongoStore {
    pub(super) async fn numbers(&self, namespaces: &[Namespace]) -> store::Result<Generations> {
        let collection = self.collection::<Document>(GENERATIONS);
        let names: Vec<String> = namespaces.iter().map(ToString::to_string).collect();
        let found: Vec<Document> = self
            .run(async move {
                use futures_util::TryStreamExt;
                collection.find(doc! { "_id": { "$in": names } }).await?.try_collect().await
            })
            .await?;
        let number = |namespace: &Namespace| {
            let name = namespace.to_string();
            let of = found.iter().find(|d| d.get_str("_id").is_ok_and(|id| id == name));
            let number = of.and_then(|d| d.get_i64("number").ok()).and_then(|n| u64::try_from(n).ok());
            (namespace.clone(), Generation::new(number.unwrap_or(0)))
        };
        Ok(namespaces.iter().map(number).collect())
    }

    pub(super) async fn with_numbers<T>(
        &self,
        namespaces: &[Namespace],
        read: impl Future<Output = store::Result<T>>,
    ) -> store::Result<Versioned<T>> {
        let generations = self.numbers(namespaces).await?;
        Ok(Versioned { value: read.await?, generations })
    }

    pub(super) async fn raise<T>(
        &self,
        namespaces: &[Namespace],
        now: UnixMillis,
        has_changed: bool,
        value: T,
    ) -> store::Result<Versioned<T>> {
        for namespace in namespaces.iter().filter(|_| has_changed) {
            let collection = self.collection::<Document>(GENERATIONS);
            let name = namespace.to_string();
            let at = i64::try_from(Generation::at(now).get()).unwrap_or(0);
            self.run(async move {
                let next = doc! { "$max": [{ "$add": [{ "$ifNull": ["$number", 0_i64] }, 1_i64] }, at] };
                collection
                    .update_one(doc! { "_id": name }, vec![doc! { "$set": { "number": next } }])
                    .upsert(true)
                    .await
            })
            .await?;
        }
        Ok(Versioned { value, generations: self.numbers(namespaces).await? })
    }
}
