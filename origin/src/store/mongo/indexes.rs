//! What the server must be and have, seen to when it is first reached: a replica set; the indexes that the queries of this store use
//! (row Q3). Creating one that is there does nothing.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use mongodb::options::IndexOptions;
use mongodb::{Database, IndexModel};

use super::documents::{GENERATIONS, HISTORY, MODULES, OPERATIONS, PROBE, PROGRESS, SESSIONS, USERS};

pub(super) async fn create(database: &Database) -> mongodb::error::Result<()> {
    let hello = database.run_command(doc! { "hello": 1 }).await?;
    if !hello.contains_key("setName") && hello.get_str("msg") != Ok("isdbgrid") {
        return Err(Error::custom(STANDALONE));
    }
    let collection = |name| database.collection::<Document>(name);
    // Equality first, then the order of lists: (subject, position, slug).
    let modules = [
        index(doc! { "status": 1, "subject": 1, "position": 1, "_id": 1 }),
        index(doc! { "status": 1, "difficulty": 1, "subject": 1, "position": 1, "_id": 1 }),
        index(doc! { "status": 1, "tags": 1, "subject": 1, "position": 1, "_id": 1 }),
        text_index(),
    ];
    collection(MODULES).create_indexes(modules).await?;
    collection(USERS).create_index(unique(doc! { "email": 1 })).await?;
    collection(SESSIONS).create_indexes([index(doc! { "user_id": 1 }), expiring("expires_at")]).await?;
    collection(PROGRESS).create_index(index(doc! { "user_id": 1, "module": 1 })).await?;
    collection(HISTORY).create_index(index(doc! { "user_id": 1, "at": -1, "operation": -1 })).await?;
    collection(OPERATIONS).create_index(expiring("expires_at")).await?;
    // An index that is there already makes sure of the collection: no snapshot is then older than it.
    for name in [GENERATIONS, PROBE] {
        collection(name).create_index(index(doc! { "number": 1 })).await?;
    }
    Ok(())
}

const STANDALONE: &str = "this MongoDB is a server by itself, and transactions need a replica set: start mongod with --replSet rs0 \
    and run rs.initiate() on it once; one member is enough";

fn index(keys: Document) -> IndexModel {
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
