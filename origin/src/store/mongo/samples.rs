//! Values for `explain`, taken from the data so that queries find something: a module early in the order of lists, the learner with the
//! most records in a sample. None of them is shown to anybody. Where there is no data, values that nothing has.

use futures_util::TryStreamExt;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::catalog::Difficulty;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use mongodb::Database;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, Result};

use super::documents::{HISTORY, MODULES, OPERATIONS, PROGRESS, SESSIONS, USERS};
use super::time_limit::OPERATION_TIMEOUT;
use crate::store::catalog::ModulePosition;

/// What nothing is called.
const NOTHING: &str = "none";

pub(super) struct Samples {
    pub(super) module: ModuleSample,
    pub(super) account: AccountSample,
    pub(super) learner: LearnerSample,
}

pub(super) struct ModuleSample {
    pub(super) position: ModulePosition,
    pub(super) title: String,
    pub(super) difficulty: Difficulty,
    pub(super) tag: String,
}

pub(super) struct AccountSample {
    pub(super) user: UserId,
    pub(super) email: String,
    pub(super) hashed_password: String,
    pub(super) family: String,
    pub(super) session_user: UserId,
}

pub(super) struct LearnerSample {
    pub(super) user: UserId,
    pub(super) module: Slug,
    pub(super) history: (UnixMillis, OperationId),
    /// As they are stored.
    pub(super) operations: Vec<String>,
}

impl Samples {
    pub(super) async fn take(database: &Database) -> Result<Self> {
        let (module, account) = (module(database).await?, account(database).await?);
        Ok(Self { module, account, learner: learner(database).await? })
    }
}

async fn first(database: &Database, collection: &str, pipeline: Vec<Document>) -> Result<Document> {
    let collection = database.collection::<Document>(collection);
    let mut found = collection.aggregate(pipeline).max_time(OPERATION_TIMEOUT).await?;
    Ok(found.try_next().await?.unwrap_or_default())
}

async fn module(database: &Database) -> Result<ModuleSample> {
    let sample = vec![
        doc! { "$match": { "status": "published" } },
        doc! { "$sample": { "size": 20 } },
        doc! { "$project": { "title": 1, "subject": 1, "position": 1, "difficulty": 1, "tag": { "$first": "$tags" } } },
        // One with a tag if there is one, then the first in the order of lists: others come after it.
        doc! { "$addFields": { "untagged": { "$not": ["$tag"] } } },
        doc! { "$sort": { "untagged": 1, "subject": 1, "position": 1, "_id": 1 } },
        doc! { "$limit": 1 },
    ];
    let found = first(database, MODULES, sample).await?;
    let position = found.get_i64("position").or_else(|_| found.get_i32("position").map(i64::from)).unwrap_or(0);
    Ok(ModuleSample {
        position: ModulePosition {
            subject: text(&found, "subject"),
            position: u32::try_from(position).unwrap_or(0),
            slug: Slug::new(text(&found, "_id")).or_else(|_| Slug::new(NOTHING)).map_err(Error::custom)?,
        },
        title: text(&found, "title"),
        difficulty: Difficulty::parse(&text(&found, "difficulty")).unwrap_or(Difficulty::Beginner),
        tag: text(&found, "tag"),
    })
}

async fn account(database: &Database) -> Result<AccountSample> {
    let sample = || vec![doc! { "$sample": { "size": 1 } }];
    let with_password = vec![doc! { "$match": { "hashed_password": { "$exists": true } } }, doc! { "$limit": 1 }];
    let (found, session) = (first(database, USERS, with_password).await?, first(database, SESSIONS, sample()).await?);
    Ok(AccountSample {
        user: user(&found, "_id")?,
        email: text(&found, "email"),
        hashed_password: text(&found, "hashed_password"),
        family: text(&session, "_id"),
        session_user: user(&session, "user_id")?,
    })
}

async fn learner(database: &Database) -> Result<LearnerSample> {
    let busiest = vec![doc! { "$sample": { "size": 100 } }, doc! { "$sortByCount": "$user_id" }, doc! { "$limit": 1 }];
    let user = user(&first(database, PROGRESS, busiest).await?, "_id")?;
    let theirs = doc! { "$match": { "user_id": user.as_str() } };
    let earliest = vec![theirs.clone(), doc! { "$sort": { "module": 1 } }, doc! { "$limit": 1 }];
    let newest = vec![theirs, doc! { "$sort": { "at": -1, "operation": -1 } }, doc! { "$limit": 1 }];
    let (record, line) = (first(database, PROGRESS, earliest).await?, first(database, HISTORY, newest).await?);
    // "0" comes right after "/".
    let ids = doc! { "_id": { "$gte": format!("{user}/"), "$lt": format!("{user}0") } };
    let operations = database.collection::<Document>(OPERATIONS);
    let found = operations.find(ids).limit(5).projection(doc! { "_id": 1 }).max_time(OPERATION_TIMEOUT).await?;
    let operations: Vec<Document> = found.try_collect().await?;
    let operation = OperationId::new(text(&line, "operation")).or_else(|_| OperationId::new(NOTHING));
    Ok(LearnerSample {
        module: Slug::new(text(&record, "module")).or_else(|_| Slug::new(NOTHING)).map_err(Error::custom)?,
        history: (line.get_datetime("at").map_or(0, |at| at.timestamp_millis()), operation.map_err(Error::custom)?),
        operations: operations.iter().map(|found| text(found, "_id")).collect(),
        user,
    })
}

fn text(document: &Document, field: &str) -> String {
    document.get_str(field).unwrap_or(NOTHING).to_owned()
}

fn user(document: &Document, field: &str) -> Result<UserId> {
    UserId::new(text(document, field)).or_else(|_| UserId::new(NOTHING)).map_err(Error::custom)
}
