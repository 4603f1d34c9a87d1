//! Applying operations exactly once (I-ONCE): all that an operation does is in one transaction with its id, which is unique. A twin
//! that comes at the same moment conflicts, and finds the id there when it is run again. Not the transaction itself (`progress`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kairos_protocol::UnixMillis;
use kairos_protocol::api::ids::{Slug, UserId};
use kairos_protocol::api::progress::ProgressRecord;
use kairos_protocol::sync::reducer;
use mongodb::error::Result;
use mongodb::{ClientSession, Collection, Database};

use super::documents::{
    HISTORY, HistoryDocument, OPERATIONS, OperationDocument, PROGRESS, ProgressDocument, date, operation_id,
};
use super::progress_queries::{known_query, load_query, write_query};
use super::shapes::WRITE_RECORD;
use crate::store::progress::{Applied, FingerprintedOperation, OPERATION_ID_LIFETIME_MS};

/// An operation and whose it is.
pub(super) type OwnedOperation = (UserId, FingerprintedOperation);
/// A learner's record in a module.
type RecordKey = (UserId, Slug);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    New,
    Done,
    Reused,
}

/// Applies `operations` in the transaction of `session`. One result for each, in order.
pub(super) async fn apply_all(
    database: &Database,
    session: &mut ClientSession,
    operations: &[OwnedOperation],
    now: UnixMillis,
) -> Result<Vec<Applied>> {
    if operations.is_empty() {
        return Ok(Vec::new());
    }
    let known = look_up(database, session, operations).await?;
    let pairs = || operations.iter().zip(known.iter().copied());
    let wanted: BTreeSet<RecordKey> = pairs().filter(|(_, k)| *k != Known::Reused).map(|(o, _)| key(o)).collect();
    let fresh: Vec<&OwnedOperation> = pairs().filter(|(_, k)| *k == Known::New).map(|(o, _)| o).collect();
    let present = load(database, session, &wanted).await?;
    let mut records = present.clone();
    for owned in &fresh {
        let record =
            records.entry(key(owned)).or_insert_with(|| ProgressRecord::empty(owned.1.operation.module.clone()));
        reducer::apply(record, &owned.1.operation);
    }
    if !fresh.is_empty() {
        let touched: BTreeSet<RecordKey> = fresh.iter().map(|owned| key(owned)).collect();
        write_records(database, session, &touched, (&present, &records)).await?;
        write_operations(database, session, &fresh, now).await?;
    }
    let applied = |(owned, known): (&OwnedOperation, Known)| {
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

fn key((user, operation): &OwnedOperation) -> RecordKey {
    (user.clone(), operation.operation.module.clone())
}

fn id((user, operation): &OwnedOperation) -> String {
    operation_id(user, &operation.operation.id)
}

/// Which operations were taken in before. One that comes twice in one call is its own repeat.
async fn look_up(
    database: &Database,
    session: &mut ClientSession,
    operations: &[OwnedOperation],
) -> Result<Vec<Known>> {
    let ids: Collection<OperationDocument> = database.collection(OPERATIONS);
    let wanted: BTreeSet<String> = operations.iter().map(id).collect();
    let found = known_query(wanted).all_in(&ids, session).await?;
    let mut fingerprints: HashMap<String, String> = found.into_iter().map(|d| (d.id, d.fingerprint)).collect();
    let known = |owned: &OwnedOperation| match fingerprints.get(&id(owned)) {
        Some(theirs) if *theirs == owned.1.fingerprint => Known::Done,
        Some(_) => Known::Reused,
        None => {
            fingerprints.insert(id(owned), owned.1.fingerprint.clone());
            Known::New
        }
    };
    Ok(operations.iter().map(known).collect())
}

async fn load(
    database: &Database,
    session: &mut ClientSession,
    wanted: &BTreeSet<RecordKey>,
) -> Result<BTreeMap<RecordKey, ProgressRecord>> {
    let progress: Collection<ProgressDocument> = database.collection(PROGRESS);
    let found = load_query(wanted.iter().map(|(user, module)| (user, module))).all_in(&progress, session).await?;
    let with_key = |d: ProgressDocument| ((d.user_id.clone(), d.module.clone()), ProgressRecord::from(d));
    Ok(found.into_iter().map(with_key).collect())
}

/// Writes the `touched` ones of the records that were there, and of those that are to be.
async fn write_records(
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
            let query = write_query(&key.0, &document.id).filter;
            let replace = progress.replace_one(query, document).comment(WRITE_RECORD.comment());
            WRITE_RECORD.timed(replace.session(&mut *session)).await?;
        } else {
            new.push(document);
        }
    }
    if !new.is_empty() {
        progress.insert_many(new).session(session).await?;
    }
    Ok(())
}

/// Writes the ids and the history.
async fn write_operations(
    database: &Database,
    session: &mut ClientSession,
    fresh: &[&OwnedOperation],
    now: UnixMillis,
) -> Result<()> {
    let expires_at = date(now + OPERATION_ID_LIFETIME_MS);
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
