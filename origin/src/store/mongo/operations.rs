//! Applying operations exactly once (I-ONCE) without transactions. Each step can be repeated, by this instance or another:
//!
//! 1. Remember the ids. One that is there already with another fingerprint is refused; one that is marked applied is done.
//! 2. Bring each record forward by compare-and-swap. The record itself lists what it took in lately, so a repeat after a
//!    crash, or a delayed twin of this call, finds its operation there.
//! 3. Write the history, whose ids are the operations'.
//! 4. Mark the ids applied. A record forgets an operation only when it is marked, and not at once.
//!
//! A crash between the steps is healed by sending the operations again, which a learner's outbox does, however much later. A
//! call that was held up between two steps gives up instead of acting on what it knew: see [`Call::check_time`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::ready;

use futures_util::TryStreamExt;
use kairos_protocol::UnixMillis;
use kairos_protocol::ids::{OperationId, Slug, UserId};
use kairos_protocol::operation::Operation;
use kairos_protocol::progress::ProgressRecord;
use kairos_protocol::reducer;
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, Result};
use tokio::time::Instant;

use super::documents::{
    HISTORY, HistoryDocument, OPERATIONS, OperationDocument, PROGRESS, ProgressDocument, RecentOperation, date,
    operation_id, progress_id,
};
use super::{MongoStore, OPERATION_TIMEOUT, duplicates};
use crate::store;
use crate::store::records::{Applied, FingerprintedOperation, OPERATION_MEMORY_MS};

/// How long a record lists what it took in at least: far longer than a call goes on ([`OPERATION_TIMEOUT`]), so that a twin
/// that was delayed still finds its operation.
const RECENT_MS: UnixMillis = 10 * 60 * 1_000;

/// How often a compare-and-swap is tried: every failure means that another call succeeded.
const MAX_SWAPS: usize = 100;

/// An operation and whose it is.
type Owned = (UserId, FingerprintedOperation);
/// A learner's record in a module.
type RecordKey = (UserId, Slug);

/// What step 1 found out about an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    New,
    /// Remembered, but perhaps not applied: a call before this one was cut short, or is at it now.
    Begun,
    Done,
    Reused,
}

/// What one call works with.
struct Call {
    ids: Collection<OperationDocument>,
    progress: Collection<ProgressDocument>,
    history: Collection<HistoryDocument>,
    now: UnixMillis,
    began: Instant,
}

impl Call {
    /// Fails when the call has gone on for too long. Nobody waits for it any more, but its task runs on, and a connection that
    /// hangs may hold it up for longer than records list what they took in: it must not act on what it read before that.
    fn check_time(&self) -> Result<()> {
        if self.began.elapsed() <= OPERATION_TIMEOUT {
            return Ok(());
        }
        Err(Error::custom(
            "operations were given up half way because they took too long; sending them again finishes them",
        ))
    }
}

impl MongoStore {
    pub(super) async fn remembered(&self, user: &UserId, ids: &[OperationId]) -> store::Result<BTreeSet<OperationId>> {
        let collection: Collection<OperationDocument> = self.collection(OPERATIONS);
        let asked: HashMap<String, OperationId> = ids.iter().map(|id| (operation_id(user, id), id.clone())).collect();
        self.run(async move {
            let wanted = doc! { "_id": { "$in": asked.keys().collect::<Vec<_>>() } };
            let found = collection.find(wanted).max_time(OPERATION_TIMEOUT).await?;
            found.try_filter_map(|d| ready(Ok(asked.get(&d.id).cloned()))).try_collect().await
        })
        .await
    }

    pub(super) async fn apply(&self, operations: Vec<Owned>, now: UnixMillis) -> store::Result<Vec<Applied>> {
        let ids = self.collection(OPERATIONS);
        let progress = self.collection(PROGRESS);
        let history = self.collection(HISTORY);
        let began = Instant::now();
        self.run(async move {
            if operations.is_empty() {
                return Ok(Vec::new());
            }
            let call = Call { ids, progress, history, now, began };
            let known = remember(&call, &operations).await?;
            let wanted: BTreeSet<RecordKey> =
                pairs(&operations, &known).filter(|(_, k)| *k != Known::Reused).map(|(o, _)| key(o)).collect();
            let open: Vec<&Owned> = pairs(&operations, &known)
                .filter(|(_, k)| matches!(k, Known::New | Known::Begun))
                .map(|(o, _)| o)
                .collect();
            let (records, mut applied_now) = advance(&call, &wanted, &open).await?;
            write_history(&call, &open).await?;
            mark_applied(&call, &open).await?;
            Ok(pairs(&operations, &known)
                .map(|(owned, known)| outcome(owned, known, &records, &mut applied_now))
                .collect())
        })
        .await
    }
}

fn pairs<'a>(operations: &'a [Owned], known: &'a [Known]) -> impl Iterator<Item = (&'a Owned, Known)> {
    operations.iter().zip(known.iter().copied())
}

fn key((user, operation): &Owned) -> RecordKey {
    (user.clone(), operation.operation.module.clone())
}

fn id((user, operation): &Owned) -> String {
    operation_id(user, &operation.operation.id)
}

fn outcome(
    owned: &Owned,
    known: Known,
    records: &BTreeMap<RecordKey, ProgressRecord>,
    applied_now: &mut BTreeSet<String>,
) -> Applied {
    let key = key(owned);
    match records.get(&key) {
        None => Applied::IdReused,
        _ if known == Known::Reused => Applied::IdReused,
        // Taken out, so that a second copy in the same call counts as a repeat.
        Some(record) if applied_now.remove(&id(owned)) => Applied::Now(record.clone()),
        Some(record) => Applied::Before(record.clone()),
    }
}

/// Step 1. An operation that comes twice in one call is its own repeat.
async fn remember(call: &Call, operations: &[Owned]) -> Result<Vec<Known>> {
    let document = |owned: &Owned| OperationDocument {
        id: id(owned),
        fingerprint: owned.1.fingerprint.clone(),
        applied: false,
        expires_at: date(call.now + OPERATION_MEMORY_MS),
    };
    let documents: Vec<_> = operations.iter().map(document).collect();
    let taken = duplicates(call.ids.insert_many(&documents).ordered(false).await)?;
    let mut known = vec![Known::New; operations.len()];
    if taken.is_empty() {
        return Ok(known);
    }
    let wanted: Vec<_> = taken.iter().filter_map(|index| documents.get(*index)).map(|d| d.id.as_str()).collect();
    let found = call.ids.find(doc! { "_id": { "$in": wanted } }).await?;
    let found: HashMap<String, OperationDocument> =
        found.map_ok(|d| (d.id.clone(), d)).try_collect::<Vec<_>>().await?.into_iter().collect();
    for index in taken {
        let (Some(mine), Some(slot)) = (documents.get(index), known.get_mut(index)) else { continue };
        *slot = match found.get(&mine.id) {
            Some(theirs) if theirs.fingerprint != mine.fingerprint => Known::Reused,
            Some(theirs) if theirs.applied => Known::Done,
            // Gone between the two commands: expired. Applied long ago.
            None => Known::Done,
            Some(_) => Known::Begun,
        };
    }
    Ok(known)
}

/// Step 2. Gives the records as they are now, and the ids of the operations that this call applied.
async fn advance(
    call: &Call,
    wanted: &BTreeSet<RecordKey>,
    open: &[&Owned],
) -> Result<(BTreeMap<RecordKey, ProgressRecord>, BTreeSet<String>)> {
    let mut by_record: BTreeMap<RecordKey, Vec<&Operation>> = BTreeMap::new();
    for owned in open {
        by_record.entry(key(owned)).or_default().push(&owned.1.operation);
    }
    let mut present = load(call, wanted).await?;
    let mut records = BTreeMap::new();
    let mut applied = BTreeSet::new();
    let mut fresh = Vec::new();
    for record_key in wanted {
        let operations = by_record.get(record_key).map(Vec::as_slice).unwrap_or_default();
        match present.remove(record_key) {
            None => fresh.push((record_key, operations)),
            Some(document) => {
                let (record, took) = swap(call, record_key, document, operations).await?;
                records.insert(record_key.clone(), record);
                applied.extend(took);
            }
        }
    }
    create(call, &fresh, &mut records, &mut applied).await?;
    Ok((records, applied))
}

async fn load(call: &Call, wanted: &BTreeSet<RecordKey>) -> Result<BTreeMap<RecordKey, ProgressDocument>> {
    let ids: Vec<_> = wanted.iter().map(|(user, module)| progress_id(user, module)).collect();
    let found: Vec<ProgressDocument> = call.progress.find(doc! { "_id": { "$in": ids } }).await?.try_collect().await?;
    call.check_time()?;
    let mut by_id: HashMap<String, ProgressDocument> = found.into_iter().map(|d| (d.id.clone(), d)).collect();
    let with_key = |key: &RecordKey| by_id.remove(&progress_id(&key.0, &key.1)).map(|d| (key.clone(), d));
    Ok(wanted.iter().filter_map(with_key).collect())
}

/// Creates records that were not there, in one command; those that somebody else creates at the same moment are swapped.
async fn create(
    call: &Call,
    fresh: &[(&RecordKey, &[&Operation])],
    records: &mut BTreeMap<RecordKey, ProgressRecord>,
    applied: &mut BTreeSet<String>,
) -> Result<()> {
    let first = |(user, module): &RecordKey, operations: &[&Operation]| {
        let empty = ProgressDocument::new(user, &ProgressRecord::empty(module.clone()), 0, Vec::new());
        take_in(user, empty, operations, call.now)
    };
    let steps: Vec<_> = fresh.iter().map(|(key, operations)| first(key, operations)).collect();
    if steps.is_empty() {
        return Ok(());
    }
    let documents: Vec<_> = steps.iter().map(|step| &step.next).collect();
    let taken: BTreeSet<usize> =
        duplicates(call.progress.insert_many(documents).ordered(false).await)?.into_iter().collect();
    for (index, ((record_key, operations), step)) in fresh.iter().zip(steps).enumerate() {
        let (record, took) = if taken.contains(&index) {
            let other = reload(call, &step.next.id).await?;
            swap(call, record_key, other, operations).await?
        } else {
            (step.next.into(), step.took)
        };
        records.insert((*record_key).clone(), record);
        applied.extend(took);
    }
    Ok(())
}

/// A record's next state, and what it took in.
struct Step {
    next: ProgressDocument,
    took: Vec<String>,
}

/// Applies those of `operations` that `document` has not taken in yet.
fn take_in(user: &UserId, document: ProgressDocument, operations: &[&Operation], now: UnixMillis) -> Step {
    let rev = document.rev;
    let mut recent = document.recent.clone();
    let mut record = ProgressRecord::from(document);
    let mut took = Vec::new();
    for operation in operations {
        if !recent.iter().any(|r| r.id == operation.id) {
            reducer::apply(&mut record, operation);
            recent.push(RecentOperation { id: operation.id.clone(), at: date(now) });
            took.push(operation_id(user, &operation.id));
        }
    }
    Step { next: ProgressDocument::new(user, &record, rev + 1, recent), took }
}

async fn swap(
    call: &Call,
    (user, _): &RecordKey,
    mut document: ProgressDocument,
    operations: &[&Operation],
) -> Result<(ProgressRecord, Vec<String>)> {
    for _ in 0..MAX_SWAPS {
        let rev = document.rev;
        let mut step = take_in(user, document.clone(), operations, call.now);
        if step.took.is_empty() {
            return Ok((document.into(), Vec::new()));
        }
        forget_settled(call, user, &mut step.next.recent).await?;
        let swapped = call.progress.replace_one(doc! { "_id": &step.next.id, "rev": rev }, &step.next).await?;
        if swapped.matched_count > 0 {
            return Ok((step.next.into(), step.took));
        }
        document = reload(call, &step.next.id).await?;
    }
    Err(Error::custom("a progress record changed too often while operations were applied to it"))
}

/// Drops what a record need not list any longer: what it took in more than [`RECENT_MS`] ago and is marked applied. What is not
/// marked is of a call that was cut short, and its repeat must find it here, whenever that comes.
async fn forget_settled(call: &Call, user: &UserId, recent: &mut Vec<RecentOperation>) -> Result<()> {
    let is_old = |r: &RecentOperation| call.now - r.at.timestamp_millis() > RECENT_MS;
    let old: Vec<_> = recent.iter().filter(|r| is_old(r)).map(|r| operation_id(user, &r.id)).collect();
    if old.is_empty() {
        return Ok(());
    }
    let cut_short = call.ids.find(doc! { "_id": { "$in": old }, "applied": false }).await?;
    let cut_short: BTreeSet<String> = cut_short.map_ok(|d| d.id).try_collect().await?;
    recent.retain(|r| !is_old(r) || cut_short.contains(&operation_id(user, &r.id)));
    Ok(())
}

async fn reload(call: &Call, id: &str) -> Result<ProgressDocument> {
    let found = call.progress.find_one(doc! { "_id": id }).await?;
    call.check_time()?;
    found.ok_or_else(|| Error::custom("a progress record vanished while operations were applied to it"))
}

/// Step 3.
async fn write_history(call: &Call, open: &[&Owned]) -> Result<()> {
    if open.is_empty() {
        return Ok(());
    }
    let lines = open.iter().map(|owned| HistoryDocument {
        id: id(owned),
        user_id: owned.0.clone(),
        operation: owned.1.operation.id.clone(),
        module: owned.1.operation.module.clone(),
        at: date(owned.1.operation.at_ms),
        action: owned.1.operation.action.clone(),
    });
    duplicates(call.history.insert_many(lines).ordered(false).await).map(drop)
}

/// Step 4.
async fn mark_applied(call: &Call, open: &[&Owned]) -> Result<()> {
    if open.is_empty() {
        return Ok(());
    }
    let done: Vec<String> = open.iter().map(|owned| id(owned)).collect();
    let filter: Document = doc! { "_id": { "$in": done } };
    call.check_time()?;
    call.ids.update_many(filter, doc! { "$set": { "applied": true } }).await.map(drop)
}
