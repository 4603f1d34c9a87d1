//! What each collection takes (`$jsonSchema`), so that a hand or another program cannot leave in it what this one could not read.
//! Moderate: documents that are there already are not looked at. Fields that nobody names here are let in: a newer release may have them.
//!
//! Creating a collection with its rules takes no more than writing in it does; changing the rules of one that is there takes the
//! privilege `collMod` (role `dbAdmin`). Who lacks it is told so in the log, and the collection stays as it is.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use mongodb::Database;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error, ErrorKind, Result};

use super::documents::{
    DELETED, GENERATIONS, HISTORY, KEYS, META, MODULES, OPERATIONS, PROBE, PROGRESS, SESSIONS, USERS,
};

/// All collections. Each is made before it is used, so that no snapshot is older than it.
pub(super) const COLLECTIONS: [&str; 10] =
    [MODULES, USERS, SESSIONS, PROGRESS, HISTORY, OPERATIONS, KEYS, GENERATIONS, META, PROBE];

/// Creates the collections with their rules, and gives their rules to those that have none or others.
pub(super) async fn ensure(database: &Database) -> Result<()> {
    let present = match present(database).await {
        Ok(present) => present,
        Err(error) if is_forbidden(&error) => {
            tracing::warn!("this account may not list collections; their rules are left as they are");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for name in COLLECTIONS {
        let rules = doc! { "$jsonSchema": schema(name) };
        let command = match present.get(name) {
            Some(there) if there.as_ref() == Some(&rules) => continue,
            Some(_) => doc! { "collMod": name, "validator": rules, "validationLevel": "moderate" },
            None => doc! { "create": name, "validator": rules, "validationLevel": "moderate" },
        };
        match database.run_command(command).await {
            Ok(_) => {}
            // By another instance that starts.
            Err(error) if has_code(&error, NAMESPACE_EXISTS) => {}
            Err(error) if is_forbidden(&error) => {
                tracing::warn!(collection = name, "this account may not set the rules of a collection (collMod)");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The collections that are there, with their rules.
async fn present(database: &Database) -> Result<HashMap<String, Option<Document>>> {
    let found: Vec<_> = database.list_collections().await?.try_collect().await?;
    Ok(found.into_iter().map(|found| (found.name, found.options.validator)).collect())
}

const UNAUTHORIZED: i32 = 13;
const NAMESPACE_EXISTS: i32 = 48;

fn is_forbidden(error: &Error) -> bool {
    has_code(error, UNAUTHORIZED)
}

fn has_code(error: &Error, code: i32) -> bool {
    matches!(*error.kind, ErrorKind::Command(ref e) if e.code == code)
}

fn schema(collection: &str) -> Document {
    match collection {
        MODULES => modules(),
        USERS => object(
            &[("_id", text()), ("email", text()), ("display_name", text()), ("roles", texts()), ("created_at", date())],
            &[("hashed_password", text())],
        ),
        SESSIONS => object(
            &[("_id", text()), ("user_id", text()), ("token_hash", text()), ("expires_at", date())],
            &[("previous_hash", text())],
        ),
        PROGRESS => object(
            &[
                ("_id", text()),
                ("user_id", text()),
                ("module", text()),
                ("status", text()),
                ("time_spent_secs", whole()),
                ("attempts", whole()),
                ("updated_at", date()),
            ],
            &[
                ("best_score", doc! { "bsonType": ["int", "long"], "minimum": 0, "maximum": 100 }),
                ("last_score", doc! { "bsonType": "object" }),
                ("completed_at", date()),
            ],
        ),
        HISTORY => object(
            &[
                ("_id", text()),
                ("user_id", text()),
                ("operation", text()),
                ("module", text()),
                ("at", date()),
                ("action", doc! { "bsonType": "object" }),
            ],
            &[],
        ),
        OPERATIONS => object(&[("_id", text()), ("fingerprint", text()), ("expires_at", date())], &[]),
        KEYS => object(
            &[("_id", text()), ("kid", text()), ("pkcs8", bytes()), ("public", bytes())],
            &[
                ("version", whole()),
                ("installation", text()),
                ("refresh_secret", bytes()),
                ("keys", doc! { "bsonType": "array", "items": { "bsonType": "object" } }),
            ],
        ),
        GENERATIONS => object(&[("_id", text()), ("number", whole())], &[]),
        META => object(&[("_id", text()), ("version", whole())], &[]),
        _ => object(&[("number", whole())], &[]),
    }
}

/// Either a module or what is left of a deleted one.
fn modules() -> Document {
    let module = object(
        &[
            ("_id", text()),
            ("title", text()),
            ("subject", text()),
            ("position", whole()),
            ("difficulty", text()),
            ("tags", texts()),
            ("language", text()),
            ("summary", text()),
            ("content", text()),
            ("duration_minutes", whole()),
            ("status", doc! { "bsonType": "string", "not": { "enum": [DELETED] } }),
            ("version", whole()),
            ("created_at", date()),
            ("updated_at", date()),
        ],
        &[],
    );
    let deleted = object(&[("_id", text()), ("status", doc! { "enum": [DELETED] }), ("version", whole())], &[]);
    doc! { "anyOf": [module, deleted] }
}

fn object(required: &[(&str, Document)], optional: &[(&str, Document)]) -> Document {
    let names: Vec<Bson> = required.iter().map(|(name, _)| Bson::from(*name)).collect();
    let properties = required.iter().chain(optional).map(|(name, kind)| ((*name).to_owned(), Bson::from(kind.clone())));
    doc! { "bsonType": "object", "required": names, "properties": properties.collect::<Document>() }
}

fn text() -> Document {
    doc! { "bsonType": "string" }
}

fn texts() -> Document {
    doc! { "bsonType": "array", "items": { "bsonType": "string" } }
}

fn whole() -> Document {
    doc! { "bsonType": ["int", "long"], "minimum": 0 }
}

fn date() -> Document {
    doc! { "bsonType": "date" }
}

fn bytes() -> Document {
    doc! { "bsonType": "binData" }
}
