//! Applying operations exactly once (I-ONCE): all that an operation does is in one transaction with its id, which is unique. A twin
//! that comes at the same moment conflicts, and finds the id there when it is run again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::ready;
use std::sync::Arc;

use futures_util::{FutureExt, TryStreamExt};
use kairos_protocol::UnixMillis;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::progress::ProgressRecord;
use kairos_protocol::sync::generation::Namespace;
use kairos_protocol::sync::reducer;
use mongodb::bson::doc;
use mongodb::error::Result;
use mongodb::{ClientSession, Collection, Database};

use super::documents::{
    HISTORY, HistoryDocument, OPERATIONS, OperationDocument, PROGRESS, ProgressDocument, date, operation_id,
    progress_id,
};
use super::transaction::Outcome;
use super::{MongoStore, OPERATION_TIMEOUT};
use crate::store::records::{Applied, FingerprintedOperation, OPERATION_MEMORY_MS};
use crate::store::{self, Versioned};

/// An operation and whose it is.
type Owned = (UserId, FingerprintedOperation);
/// A learner's record in a module.
type RecordKey = (UserId, Slug);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    New,
    Done,
    Reused,
}

impl MongoStore {
    pub(super) async fn remembered(&self, user: &UserId, ids: &[OperationId]) -> store::Result<BTreeSet<OperationId>> {
        let collection: Collection<OperationDocument> = self.collection(OPERATIONS);
        let asked: HashMap<String, OperationId> = ids.iter().map(|id| (operation_id(user, id), id.clone())).collect();
        self.read(async move {
            let wanted = doc! { "_id": { "$in": asked.keys().collect::<Vec<_>>() } };
            let found = collection.find(wanted).max_time(OPERATION_TIMEOUT).await?;
            found.try_filter_map(|d| ready(Ok(asked.get(&d.id).cloned()))).try_collect().await
        })
        .await
    }

    /// `turn`: whose operations they are, where they are one learner's.
    pub(super) async fn apply(
        &self,
        turn: Option<Namespace>,
        operations: Vec<Owned>,
        now: UnixMillis,
    ) -> store::Result<Versioned<Vec<Applied>>> {
        let database = self.database.clone();
        let operations: Arc<[Owned]> = operations.into();
        self.transact(turn.clone(), now, move |session| {
            let (database, operations, turn) = (database.clone(), Arc::clone(&operations), turn.clone());
            async move {
                let value = apply_all(&database, session, &operations, now).await?;
                let users: BTreeSet<Namespace> =
                    operations.iter().map(|(user, _)| Namespace::User(user.clone())).chain(turn).collect();
                let has_changed = value.iter().any(|applied| matches!(applied, Applied::Now(_)));
                Ok(Outcome { value, namespaces: users.into_iter().collect(), has_changed })
            }
            .boxed()
        })
        .await
    }
}

async fn apply_all(
    database: &Database,
    session: &mut ClientSession,
    operations: &[Owned],
    now: UnixMillis,
) -> Result<Vec<Applied>> {
    if operations.is_empty() {
        return Ok(Vec::new());
    }
    let known = look_up(database, session, operations).await?;
    let pairs = || operations.iter().zip(known.iter().copied());
    let wanted: BTreeSet<RecordKey> = pairs().filter(|(_, k)| *k != Known::Reused).map(|(o, _)| key(o)).collect();
    let fresh: Vec<&Owned> = pairs().filter(|(_, k)| *k == Known::New).map(|(o, _)| o).collect();
    let present = load(database, session, &wanted).await?;
    let mut records = present.clone();
    for owned in &fresh {
        let record =
            records.entry(key(owned)).or_insert_with(|| ProgressRecord::empty(owned.1.operation.module.clone()));
        reducer::apply(record, &owned.1.operation);
    }
    if !fresh.is_empty() {
        let touched: BTreeSet<RecordKey> = fresh.iter().map(|owned| key(owned)).collect();
        keep_records(database, session, &touched, (&present, &records)).await?;
        keep_operations(database, session, &fresh, now).await?;
    }
    let applied = |(owned, known): (&Owned, Known)| {
        let record = || {
            let found = records.get(&key(owned)).cloned();
            found.unwrap_or_else(|| ProgressRecord::empty(owned.1.operation.module.clone()))
        };
        match known {
            Known::New => Applied::Now(record()),
            Known::Done => Applied::Before(record()),
            Known::Reused => Applied::IdReused,
        }
    };
    Ok(pairs().map(applied).collect())
}

fn key((user, operation): &Owned) -> RecordKey {
    (user.clone(), operation.operation.module.clone())
}

fn id((user, operation): &Owned) -> String {
    operation_id(user, &operation.operation.id)
}

/// Which operations were taken in before. One that comes twice in one call is its own repeat.
async fn look_up(database: &Database, session: &mut ClientSession, operations: &[Owned]) -> Result<Vec<Known>> {
    let ids: Collection<OperationDocument> = database.collection(OPERATIONS);
    let wanted: BTreeSet<String> = operations.iter().map(id).collect();
    let wanted = doc! { "_id": { "$in": wanted.into_iter().collect::<Vec<_>>() } };
    let mut found = ids.find(wanted).session(&mut *session).await?;
    let found: Vec<OperationDocument> = found.stream(session).try_collect().await?;
    let mut fingerprints: HashMap<String, String> = found.into_iter().map(|d| (d.id, d.fingerprint)).collect();
    let judge = |owned: &Owned| match fingerprints.get(&id(owned)) {
        Some(theirs) if *theirs == owned.1.fingerprint => Known::Done,
        Some(_) => Known::Reused,
        None => {
            fingerprints.insert(id(owned), owned.1.fingerprint.clone());
            Known::New
        }
    };
    Ok(operations.iter().map(judge).collect())
}

async fn load(
    database: &Database,
    session: &mut ClientSession,
    wanted: &BTreeSet<RecordKey>,
) -> Result<BTreeMap<RecordKey, ProgressRecord>> {
    let progress: Collection<ProgressDocument> = database.collection(PROGRESS);
    let ids: Vec<_> = wanted.iter().map(|(user, module)| progress_id(user, module)).collect();
    let mut found = progress.find(doc! { "_id": { "$in": ids } }).session(&mut *session).await?;
    let found: Vec<ProgressDocument> = found.stream(session).try_collect().await?;
    let with_key = |d: ProgressDocument| ((d.user_id.clone(), d.module.clone()), ProgressRecord::from(d));
    Ok(found.into_iter().map(with_key).collect())
}

/// Writes the `touched` ones of the records that were there, and of those that are to be.
async fn keep_records(
    database: &Database,
    session: &mut ClientSession,
    touched: &BTreeSet<RecordKey>,
    (present, next): (&BTreeMap<RecordKey, ProgressRecord>, &BTreeMap<RecordKey, ProgressRecord>),
) -> Result<()> {
    let progress: Collection<ProgressDocument> = database.collection(PROGRESS);
    let mut new = Vec::new();
    for key in touched {
        let Some(record) = next.get(key) else { continue };
        let document = ProgressDocument::new(&key.0, record);
        if present.contains_key(key) {
            progress.replace_one(doc! { "_id": &document.id }, document).session(&mut *session).await?;
        } else {
            new.push(document);
        }
    }
    if !new.is_empty() {
        progress.insert_many(new).session(session).await?;
    }
    Ok(())
}

/// Remembers the ids and writes the history.
async fn keep_operations(
    database: &Database,
    session: &mut ClientSession,
    fresh: &[&Owned],
    now: UnixMillis,
) -> Result<()> {
    let expires_at = date(now + OPERATION_MEMORY_MS);
    let ids = fresh.iter().map(|owned| OperationDocument {
        id: id(owned),
        fingerprint: owned.1.fingerprint.clone(),
        expires_at,
    });
    database.collection::<OperationDocument>(OPERATIONS).insert_many(ids).session(&mut *session).await?;
    let lines = fresh.iter().map(|owned| HistoryDocument {
        id: id(owned),
        user_id: owned.0.clone(),
        operation: owned.1.operation.id.clone(),
        module: owned.1.operation.module.clone(),
        at: date(owned.1.operation.at_ms),
        action: owned.1.operation.action.clone(),
    });
    database.collection::<HistoryDocument>(HISTORY).insert_many(lines).session(session).await.map(drop)
}
