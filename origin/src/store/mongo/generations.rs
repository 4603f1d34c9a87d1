//! The numbers of namespaces ([`GenerationStore`]): read by themselves or in a session, raised in a transaction.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};
use mongodb::bson::{Document, doc};
use mongodb::error::Result;
use mongodb::options::{CollectionOptions, ReadConcern};
use mongodb::{ClientSession, Database};

use super::MongoStore;
use super::documents::GENERATIONS;
use super::query::Query;
use super::shapes::{CONFIRM_GENERATION, RAISE_GENERATIONS, READ_GENERATIONS};
use super::snapshot::read_snapshot;
use crate::store::{self, GenerationStore};

/// The longest that a server may take to show that it has not been deposed.
const CONFIRMATION_TIMEOUT: Duration = Duration::from_secs(2);

#[async_trait]
impl GenerationStore for MongoStore {
    /// Read concern majority, as all reads have it; and out of one snapshot if there are several: a query of many documents alone may
    /// see the first before a write and the next after it.
    async fn generations(&self, namespaces: &[Namespace]) -> store::Result<Generations> {
        let concern = if namespaces.len() > 1 { ReadConcern::snapshot() } else { ReadConcern::majority() };
        let options = CollectionOptions::builder().read_concern(concern).build();
        let collection = self.database.collection_with_options::<Document>(GENERATIONS, options);
        let namespaces = namespaces.to_vec();
        let read = move || {
            let (collection, namespaces) = (collection.clone(), namespaces.clone());
            async move {
                let found = read_query(&namespaces).all(&collection).await?;
                Ok(complete(&namespaces, &found))
            }
        };
        self.read(read_snapshot(read)).await
    }

    /// Linearizable, which is of one document at a time.
    async fn confirmed_generations(&self, namespaces: &[Namespace]) -> store::Result<Generations> {
        let collection = self.collection::<Document>(GENERATIONS);
        let namespaces = namespaces.to_vec();
        self.read(async move {
            let mut found = Vec::new();
            for namespace in &namespaces {
                let one = confirm_query(namespace).find_one(&collection);
                let one = one.read_concern(ReadConcern::linearizable()).max_time(CONFIRMATION_TIMEOUT);
                found.extend(CONFIRM_GENERATION.timed(one).await?);
            }
            Ok(complete(&namespaces, &found))
        })
        .await
    }

    async fn raise_generations(&self, namespaces: &[Namespace], now: UnixMillis) -> store::Result<Generations> {
        self.raise(namespaces.to_vec(), now).await
    }
}

pub(super) async fn numbers_in(
    database: &Database,
    session: &mut ClientSession,
    namespaces: &[Namespace],
) -> Result<Generations> {
    let collection = database.collection::<Document>(GENERATIONS);
    let found = read_query(namespaces).all_in(&collection, session).await?;
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
        let query = raise_query(known.iter().map(|(namespace, _)| *namespace)).filter;
        // `Generation::next`, each from its own.
        let next = doc! { "$max": [{ "$add": ["$number", 1_i64] }, stored(Generation::at(now))] };
        let raise = vec![doc! { "$set": { "number": next } }];
        let raise = collection.update_many(query, raise).comment(RAISE_GENERATIONS.comment());
        RAISE_GENERATIONS.timed(raise.session(session)).await?;
    }
    Ok(current.iter().map(|(namespace, number)| (namespace.clone(), number.next(now))).collect())
}

pub(super) fn read_query(namespaces: &[Namespace]) -> Query {
    Query::by_ids(&READ_GENERATIONS, namespaces.iter().map(ToString::to_string))
}

pub(super) fn confirm_query(namespace: &Namespace) -> Query {
    Query::by_id(&CONFIRM_GENERATION, namespace.to_string())
}

pub(super) fn raise_query<'n>(namespaces: impl IntoIterator<Item = &'n Namespace>) -> Query {
    Query::by_ids(&RAISE_GENERATIONS, namespaces.into_iter().map(ToString::to_string))
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
