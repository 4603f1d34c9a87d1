//! Which indexes there are, how large and how used, for `kairos-origin indexes`. Not which there should be ([`super::indexes`]).

use std::collections::HashMap;

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::error::Result;
use mongodb::{Database, IndexModel};

use super::indexes::{create, index, indexes_of, name, wanted};
use super::{MongoStore, schemas, sharding};
use crate::store;
use crate::store::explain::{Index, IndexState};

impl MongoStore {
    /// The indexes that there are and those that there should be. What the server does not tell this account (sizes, uses) is `None`.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let this account read.
    pub async fn indexes(&self) -> store::Result<Vec<Index>> {
        let database = self.database.clone();
        let work = async move {
            let mut all = Vec::new();
            for collection in schemas::COLLECTIONS {
                all.extend(report(&database, collection).await?);
            }
            Ok(all)
        };
        self.ask(work).await
    }

    /// Creates the collections and indexes that are not there.
    ///
    /// # Errors
    /// The server cannot be reached, is not a replica set, or does not let this account create them.
    pub async fn create_indexes(&self) -> store::Result<()> {
        let database = self.database.clone();
        self.ask(async move { create(&database).await }).await
    }
}

async fn report(database: &Database, collection: &'static str) -> Result<Vec<Index>> {
    let there = indexes_of(database, collection).await?;
    let (sizes, uses) = (sizes(database, collection).await, uses(database, collection).await);
    let needed: Vec<IndexModel> =
        wanted().into_iter().filter(|(of, _)| *of == collection).map(|(_, index)| index).collect();
    let of_shards = sharding::key_of(collection).map(|key| name(&index(key)));
    let is_needed = |name: &String| {
        name == "_id_" || of_shards.as_ref() == Some(name) || needed.iter().any(|index| self::name(index) == *name)
    };
    let describe = |index: &IndexModel, state| {
        let name = name(index);
        Index {
            collection: collection.to_owned(),
            keys: keys(index),
            state,
            bytes: sizes.as_ref().and_then(|sizes| whole(sizes, &name)),
            uses: uses.get(&name).map(|(uses, _)| *uses),
            since: uses.get(&name).and_then(|(_, since)| since.clone()),
            name,
        }
    };
    let state = |index| if is_needed(&name(index)) { IndexState::Present } else { IndexState::Unknown };
    let missing = needed.iter().filter(|index| !there.iter().any(|one| name(one) == name(index)));
    let present = there.iter().map(|index| describe(index, state(index)));
    Ok(present.chain(missing.map(|index| describe(index, IndexState::Missing))).collect())
}

/// Bytes by name; `None` when the server does not say.
async fn sizes(database: &Database, collection: &str) -> Option<Document> {
    let stats = vec![doc! { "$collStats": { "storageStats": {} } }];
    let mut found = database.collection::<Document>(collection).aggregate(stats).await.ok()?;
    let stats = found.try_next().await.ok()??;
    stats.get_document("storageStats").ok()?.get_document("indexSizes").ok().cloned()
}

/// Uses, and since when they are counted, by name. Behind `mongos`, of all shards that answered.
async fn uses(database: &Database, collection: &str) -> HashMap<String, (u64, Option<String>)> {
    let mut uses: HashMap<String, (u64, Option<String>)> = HashMap::new();
    let stats = vec![doc! { "$indexStats": {} }];
    let Ok(mut found) = database.collection::<Document>(collection).aggregate(stats).await else { return uses };
    while let Ok(Some(stats)) = found.try_next().await {
        let (Ok(name), Ok(accesses)) = (stats.get_str("name"), stats.get_document("accesses")) else { continue };
        let since = accesses.get_datetime("since").ok().and_then(|since| since.try_to_rfc3339_string().ok());
        let entry = uses.entry(name.to_owned()).or_insert((0, since));
        entry.0 += whole(accesses, "ops").unwrap_or(0);
    }
    uses
}

fn whole(document: &Document, field: &str) -> Option<u64> {
    let value = document.get(field)?;
    let number = value.as_i64().or_else(|| value.as_i32().map(i64::from));
    #[expect(clippy::cast_possible_truncation, reason = "sizes that do not fit in a long come as doubles")]
    let number = number.or_else(|| value.as_f64().map(|number| number as i64));
    number.and_then(|number| u64::try_from(number).ok())
}

/// For people.
fn keys(index: &IndexModel) -> String {
    let fields = index.keys.iter().map(|(field, direction)| match direction.as_str() {
        Some(kind) => format!("{field}: {kind}"),
        None => format!("{field}: {direction}"),
    });
    fields.collect::<Vec<_>>().join(", ")
}
