//! The numbers of namespaces ([`GenerationStore`]): read by themselves or in a session, raised in a transaction.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use kairos_protocol::UnixMillis;
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};
use mongodb::bson::{Document, doc};
use mongodb::error::Result;
use mongodb::options::ReadConcern;
use mongodb::{ClientSession, Database};

use super::MongoStore;
use super::documents::GENERATIONS;
use crate::store::{self, GenerationStore};

/// The longest that a server may take to show that it has not been deposed.
const CONFIRMATION_TIMEOUT: Duration = Duration::from_secs(2);

#[async_trait]
impl GenerationStore for MongoStore {
    /// Read concern majority, as all reads have it.
    async fn generations(&self, namespaces: &[Namespace]) -> store::Result<Generations> {
        let collection = self.collection::<Document>(GENERATIONS);
        let namespaces = namespaces.to_vec();
        self.read(async move {
            let found: Vec<Document> = collection.find(named(&namespaces)).await?.try_collect().await?;
            Ok(complete(&namespaces, &found))
        })
        .await
    }

    /// Linearizable, which is of one document at a time.
    async fn confirmed_generations(&self, namespaces: &[Namespace]) -> store::Result<Generations> {
        let collection = self.collection::<Document>(GENERATIONS);
        let namespaces = namespaces.to_vec();
        self.read(async move {
            let mut found = Vec::new();
            for namespace in &namespaces {
                let one = collection.find_one(doc! { "_id": namespace.to_string() });
                let one = one.read_concern(ReadConcern::linearizable()).max_time(CONFIRMATION_TIMEOUT);
                found.extend(one.await?);
            }
            Ok(complete(&namespaces, &found))
        })
        .await
    }
}

pub(super) async fn numbers_in(
    database: &Database,
    session: &mut ClientSession,
    namespaces: &[Namespace],
) -> Result<Generations> {
    let collection = database.collection::<Document>(GENERATIONS);
    let mut found = collection.find(named(namespaces)).session(&mut *session).await?;
    let found: Vec<Document> = found.stream(session).try_collect().await?;
    Ok(complete(namespaces, &found))
}

/// Gives each namespace the number after `current`. Another transaction that does so conflicts with this one.
pub(super) async fn raise_in(
    database: &Database,
    session: &mut ClientSession,
    current: Generations,
    now: UnixMillis,
) -> Result<Generations> {
    let collection = database.collection::<Document>(GENERATIONS);
    let (new, known): (Vec<_>, Vec<_>) = current.iter().partition(|(_, number)| *number == Generation::default());
    if !new.is_empty() {
        let first = stored(Generation::default().next(now));
        let documents = new.iter().map(|(namespace, _)| doc! { "_id": namespace.to_string(), "number": first });
        collection.insert_many(documents).session(&mut *session).await?;
    }
    if !known.is_empty() {
        let names: Vec<String> = known.iter().map(|(namespace, _)| namespace.to_string()).collect();
        // `Generation::next`, each from its own.
        let next = doc! { "$max": [{ "$add": ["$number", 1_i64] }, stored(Generation::at(now))] };
        let raise = vec![doc! { "$set": { "number": next } }];
        collection.update_many(doc! { "_id": { "$in": names } }, raise).session(session).await?;
    }
    Ok(current.iter().map(|(namespace, number)| (namespace.clone(), number.next(now))).collect())
}

fn named(namespaces: &[Namespace]) -> Document {
    doc! { "_id": { "$in": namespaces.iter().map(ToString::to_string).collect::<Vec<_>>() } }
}

/// One number for each of `namespaces`, 0 where none was found.
fn complete(namespaces: &[Namespace], found: &[Document]) -> Generations {
    let numbers: HashMap<&str, u64> = found
        .iter()
        .filter_map(|d| Some((d.get_str("_id").ok()?, u64::try_from(d.get_i64("number").ok()?).ok()?)))
        .collect();
    let number = |namespace: &Namespace| numbers.get(namespace.to_string().as_str()).copied().unwrap_or(0);
    namespaces.iter().map(|namespace| (namespace.clone(), Generation::new(number(namespace)))).collect()
}

fn stored(number: Generation) -> i64 {
    i64::try_from(number.get()).unwrap_or(i64::MAX)
}
