//! Past one machine: which collections are spread over shards, by what, and why the others are not. What grows with what learners do is
//! spread by the learner, so that each query for a learner goes to one shard. Not how shards are added, which is the operator's.
//!
//! MongoDB keeps a unique index over shards only if the shard key is its beginning:
//! - `users.email` is unique and `users` are also found by `_id`: the collection stays whole, on the database's own shard. A million accounts
//!   are some 300 MB;
//! - a module's slug is its `_id`, which alone would be a possible key; but a list is of all modules, and would go to every shard;
//! - `_id` of `progress`, `history` and `operations` begins with the learner. Two of them that are equal are of one learner, so on one shard,
//!   which sees to it that there is one: exactly once stays exactly once;
//! - `operations` are found by `_id` alone: their key is the range of it. A learner's ids lie together; where the border of two chunks
//!   falls between them, that one learner's query goes to two shards.

use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind, Result};
use mongodb::{Database, IndexModel};

use super::documents::{GENERATIONS, HISTORY, OPERATIONS, PROGRESS};
use super::{MongoStore, indexes};
use crate::store;

/// Every collection that is spread, with its shard key.
fn keys() -> [(&'static str, Document); 4] {
    [
        (PROGRESS, doc! { "user_id": "hashed" }),
        (HISTORY, doc! { "user_id": "hashed" }),
        (OPERATIONS, doc! { "_id": 1 }),
        (GENERATIONS, doc! { "_id": "hashed" }),
    ]
}

/// The shard key of a collection, if it is spread.
pub(super) fn key_of(collection: &str) -> Option<Document> {
    keys().into_iter().find(|(name, _)| *name == collection).map(|(_, key)| key)
}

impl MongoStore {
    /// Spreads the collections over the shards that there are. Done again, it changes nothing. One line for each collection.
    ///
    /// # Errors
    /// The server is not `mongos`, the account lacks the role `clusterManager`, or a collection is spread by another key.
    pub async fn shard(&self) -> store::Result<Vec<String>> {
        let database = self.database.clone();
        self.ask(async move { shard_all(&database).await }).await
    }
}

async fn shard_all(database: &Database) -> Result<Vec<String>> {
    let hello = database.run_command(doc! { "hello": 1 }).await?;
    if hello.get_str("msg") != Ok("isdbgrid") {
        return Err(Error::custom(NOT_SHARDED));
    }
    indexes::create(database).await?;
    let admin = database.client().database("admin");
    admin.run_command(doc! { "enableSharding": database.name() }).await?;
    let mut done = Vec::new();
    for (collection, key) in keys() {
        if key.values().any(|direction| direction.as_str().is_some()) {
            // One that is not empty must have it before it is spread.
            let index = IndexModel::builder().keys(key.clone()).build();
            database.collection::<Document>(collection).create_index(index).await?;
        }
        let namespace = format!("{}.{collection}", database.name());
        let shard = doc! { "shardCollection": &namespace, "key": &key };
        admin.run_command(shard).await.map_err(|error| match *error.kind {
            ErrorKind::Command(ref e) if e.code == ALREADY_INITIALIZED => Error::custom(OTHER_KEY),
            _ => error,
        })?;
        done.push(format!("{collection} by {key}"));
    }
    Ok(done)
}

const ALREADY_INITIALIZED: i32 = 23;
const NOT_SHARDED: &str = "this is not a sharded cluster: name a mongos in --mongodb-url. One replica set serves well into \
    millions of learners, and needs none of this";
const OTHER_KEY: &str =
    "a collection is spread by another key already; reshardCollection (MongoDB 5.0 and later) changes it";
