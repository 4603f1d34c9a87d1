//! Which release's form the data has: one document, looked at when the server is first reached, before anything is changed. Not the
//! indexes or the rules, which every release sees to for itself.

use mongodb::Database;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, Result};

use super::documents::META;
use super::shapes::SCHEMA_VERSION;

/// The form that this release writes and reads. A database of an older form is brought to this one here; so far there is none.
const VERSION: i64 = 1;

/// The document that says it.
pub(super) const ID: &str = "schema";

const NEWER: &str = "the database was written by a newer release of Kaïros; run that one, or put back a dump of before";

/// Lets a database of this form pass, and one that says none: it is new, or from before this was noted. Whether it says one.
pub(super) async fn check(database: &Database) -> Result<bool> {
    let meta = database.collection::<Document>(META);
    let find = meta.find_one(doc! { "_id": ID }).comment(SCHEMA_VERSION.comment());
    let noted = SCHEMA_VERSION.timed(find).await?;
    let version = noted.as_ref().and_then(|noted| noted.get_i64("version").ok()).unwrap_or(VERSION);
    if version > VERSION { Err(Error::custom(NEWER)) } else { Ok(noted.is_some()) }
}

/// Notes the form, once its collection is there with its rules. One that is noted stays.
pub(super) async fn note(database: &Database) -> Result<()> {
    let meta = database.collection::<Document>(META);
    let first = doc! { "$setOnInsert": { "version": VERSION } };
    let note = || {
        let note = meta.update_one(doc! { "_id": ID }, first.clone()).upsert(true);
        SCHEMA_VERSION.timed(note.comment(SCHEMA_VERSION.comment()))
    };
    // Of two instances that start at once one may fail to insert; it finds the other's.
    match note().await {
        Err(_) => note().await.map(drop),
        Ok(_) => Ok(()),
    }
}
