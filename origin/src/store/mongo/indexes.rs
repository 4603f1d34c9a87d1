//! What the server must be and have, seen to when it is first reached: a replica set; the collections with their rules ([`super::schemas`])
//! and the indexes that the queries of this store use (row Q3). Creating what is there does nothing.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind, Result};
use mongodb::options::IndexOptions;
use mongodb::{Database, IndexModel};

use super::documents::{HISTORY, MODULES, OPERATIONS, PROGRESS, SESSIONS, USERS};
use super::{schemas, version};

/// Every index, with its collection.
pub(super) fn wanted() -> Vec<(&'static str, IndexModel)> {
    vec![
        // Equality first, then the order of lists: (subject, position, slug).
        (MODULES, index(doc! { "status": 1, "subject": 1, "position": 1, "_id": 1 })),
        (MODULES, index(doc! { "status": 1, "difficulty": 1, "subject": 1, "position": 1, "_id": 1 })),
        (MODULES, index(doc! { "status": 1, "tags": 1, "subject": 1, "position": 1, "_id": 1 })),
        (MODULES, index(doc! { "status": 1, "tags": 1, "difficulty": 1, "subject": 1, "position": 1, "_id": 1 })),
        (MODULES, text_index()),
        (MODULES, index(doc! { "status": 1, "words": 1 })),
        (USERS, unique(doc! { "email": 1 })),
        (SESSIONS, index(doc! { "user_id": 1 })),
        (SESSIONS, expiring("expires_at")),
        (PROGRESS, index(doc! { "user_id": 1, "module": 1 })),
        (HISTORY, index(doc! { "user_id": 1, "at": -1, "operation": -1 })),
        (OPERATIONS, expiring("expires_at")),
    ]
}

/// Sees to all of it, for the service.
pub(super) async fn create(database: &Database) -> Result<()> {
    let hello = database.run_command(doc! { "hello": 1 }).await?;
    if !hello.contains_key("setName") && hello.get_str("msg") != Ok("isdbgrid") {
        let is_new = hello.get_bool("isreplicaset") == Ok(true);
        return Err(Error::custom(if is_new { UNINITIATED } else { STANDALONE }));
    }
    let is_noted = version::check(database).await?;
    // Before the indexes, which would make the collections without rules.
    schemas::ensure(database).await?;
    if !is_noted {
        version::note(database).await?;
    }
    create_indexes(database).await
}

async fn create_indexes(database: &Database) -> Result<()> {
    let mut by_collection: HashMap<&str, Vec<IndexModel>> = HashMap::new();
    for (collection, index) in wanted() {
        by_collection.entry(collection).or_default().push(index);
    }
    for (collection, indexes) in by_collection {
        database.collection::<Document>(collection).create_indexes(indexes).await?;
    }
    Ok(())
}

/// Collection and name of each index that is not there.
pub(super) async fn missing(database: &Database) -> Result<Vec<(&'static str, String)>> {
    let mut missing = Vec::new();
    let mut present: HashMap<&str, Vec<String>> = HashMap::new();
    for (collection, index) in wanted() {
        if !present.contains_key(collection) {
            present.insert(collection, indexes_of(database, collection).await?.iter().map(name).collect());
        }
        let name = name(&index);
        if present.get(collection).is_none_or(|there| !there.contains(&name)) {
            missing.push((collection, name));
        }
    }
    Ok(missing)
}

pub(super) async fn indexes_of(database: &Database, collection: &str) -> Result<Vec<IndexModel>> {
    match database.collection::<Document>(collection).list_indexes().await {
        Ok(found) => found.try_collect().await,
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Whether there is no such collection.
fn is_absent(error: &Error) -> bool {
    const NAMESPACE_NOT_FOUND: i32 = 26;
    matches!(*error.kind, ErrorKind::Command(ref e) if e.code == NAMESPACE_NOT_FOUND)
}

/// As the server calls it: the fields and their directions.
pub(super) fn name(index: &IndexModel) -> String {
    let named = index.options.as_ref().and_then(|options| options.name.clone());
    named.unwrap_or_else(|| {
        let fields = index.keys.iter().map(|(field, direction)| match direction.as_str() {
            Some(kind) => format!("{field}_{kind}"),
            None => format!("{field}_{direction}"),
        });
        fields.collect::<Vec<_>>().join("_")
    })
}

const STANDALONE: &str = "this MongoDB is a server by itself, and transactions need a replica set: start mongod with --replSet rs0 \
    and run rs.initiate() on it once; one member is enough";

/// What to do about a server that waits to be told whose set it is in.
pub(super) const UNINITIATED: &str = "this mongod was started with --replSet and never initiated: run rs.initiate() on it once (mongosh \
    --eval 'rs.initiate()'), then start this again";

pub(super) fn index(keys: Document) -> IndexModel {
    IndexModel::builder().keys(keys).build()
}

fn unique(keys: Document) -> IndexModel {
    IndexModel::builder().keys(keys).options(IndexOptions::builder().unique(true).build()).build()
}

/// Deletes documents once the moment in `field` has passed, within a minute or so.
fn expiring(field: &str) -> IndexModel {
    let options = IndexOptions::builder().expire_after(Duration::ZERO).build();
    IndexModel::builder().keys(doc! { field: 1 }).options(options).build()
}

/// Search over published modules. MongoDB would read the stemmer from a field called `language`; ours may name one it does not
/// have, so it is told to look elsewhere.
fn text_index() -> IndexModel {
    let options = IndexOptions::builder()
        .name("search".to_owned())
        .default_language("english".to_owned())
        .language_override("stemmer".to_owned())
        .weights(doc! { "title": 20, "tags": 10, "summary": 5, "content": 1 })
        .build();
    let keys = doc! { "status": 1, "title": "text", "tags": "text", "summary": "text", "content": "text" };
    IndexModel::builder().keys(keys).options(options).build()
}
