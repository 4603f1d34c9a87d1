//! What learners did: reading it, and taking in new operations. Not here: what an operation does to a record
//! ([`kairos_protocol::sync::reducer`]).

use std::collections::BTreeSet;
use std::sync::Arc;

use kairos_protocol::UnixMillis;
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::operation::{MAX_BATCH, Operation, OperationResult, Outcome};
use kairos_protocol::api::page::Page;
use kairos_protocol::api::problem::{Problem, ProblemType};
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use kairos_protocol::sync::generation::Namespace;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::cursor;
use super::error::Result;
use super::json::what_was_expected;
use crate::environment::Clock;
use crate::store::progress::{Applied, FingerprintedOperation};
use crate::store::{CatalogStore, ProgressStore, Versioned};
use crate::writes::Writes;

/// What learners did. Reads take a share of it along, as they may outlive the request that they are for.
pub struct Progress {
    store: Arc<dyn ProgressStore>,
    modules: Arc<dyn CatalogStore>,
    writes: Writes,
    clock: Arc<dyn Clock>,
}

impl Progress {
    /// What `store` has of learners, in the modules that `modules` has.
    #[must_use]
    pub fn new(
        store: Arc<dyn ProgressStore>,
        modules: Arc<dyn CatalogStore>,
        writes: Writes,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, modules, writes, clock }
    }

    /// A page of a learner's records in the order of their modules' slugs.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(
        self: Arc<Self>,
        user: UserId,
        after: Option<Slug>,
        limit: u32,
    ) -> Result<Versioned<Page<ProgressRecord>>> {
        let found = self.store.list_progress(&user, after.as_ref(), limit + 1).await?;
        Ok(found.map(|records| cursor::page(records, limit, |last| last.module.clone())))
    }

    /// Statistics over all of a learner's records.
    ///
    /// # Errors
    /// The store's.
    pub async fn statistics(self: Arc<Self>, user: UserId) -> Result<Versioned<Statistics>> {
        Ok(self.store.statistics(&user).await?)
    }

    /// A page of a learner's history, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn history(
        self: Arc<Self>,
        user: UserId,
        after: Option<(UnixMillis, OperationId)>,
        limit: u32,
    ) -> Result<Versioned<Page<HistoryEntry>>> {
        let found = self.store.list_history(&user, after.as_ref(), limit + 1).await?;
        Ok(found.map(|entries| cursor::page(entries, limit, |last| (last.at_ms, last.id.clone()))))
    }

    /// Takes in a batch: each operation is applied once, known already, or refused with the reason, whatever the others are.
    ///
    /// # Errors
    /// [`ProblemType::InvalidFields`] when the batch is empty or too large; or the store's: then all may have been applied, and
    /// sending all of them again is safe.
    pub async fn apply(
        self: Arc<Self>,
        user: UserId,
        sent: Vec<Box<RawValue>>,
    ) -> Result<Versioned<Vec<OperationResult>>> {
        check_batch(&sent)?;
        let (writes, now) = (self.writes.clone(), self.clock.now());
        let namespaces = vec![Namespace::User(user.clone())];
        writes.commit(namespaces, async move { self.apply_checked(&user, &sent, now).await }).await
    }

    async fn apply_checked(
        &self,
        user: &UserId,
        sent: &[Box<RawValue>],
        now: UnixMillis,
    ) -> Result<Versioned<Vec<OperationResult>>> {
        let mut read: Vec<Read> = sent.iter().map(|text| read_operation(text.get(), now)).collect();
        self.refuse_unknown_modules(user, &mut read).await?;
        let good: Vec<FingerprintedOperation> = read.iter().flatten().cloned().collect();
        let Versioned { value: applied, generations } = self.store.apply_operations(user, &good, now).await?;
        let mut applied = applied.into_iter();
        let results = read.into_iter().filter_map(|slot| result(slot, &mut applied)).collect();
        Ok(Versioned { value: results, generations })
    }

    /// An operation that was taken in before is known whatever became of its module: the response may have been lost on the way.
    async fn refuse_unknown_modules(&self, user: &UserId, read: &mut [Read]) -> Result<()> {
        let modules: BTreeSet<Slug> = read.iter().flatten().map(|f| f.operation.module.clone()).collect();
        let published = if modules.is_empty() { modules } else { self.modules.published_among(&modules).await? };
        let lacks_module = |operation: &Operation| !published.contains(&operation.module);
        let without = read.iter().flatten().map(|f| &f.operation).filter(|o| lacks_module(o));
        let without: Vec<OperationId> = without.map(|o| o.id.clone()).collect();
        if without.is_empty() {
            return Ok(());
        }
        let known = self.store.known_among(user, &without).await?;
        for slot in read {
            let refused =
                slot.as_ref().ok().map(|f| &f.operation).filter(|o| lacks_module(o) && !known.contains(&o.id));
            if let Some(operation) = refused {
                let problem =
                    ProblemType::UnknownModule.with_detail(format!("There is no module `{}`.", operation.module));
                *slot = Err((Some(operation.id.to_string()), problem));
            }
        }
        Ok(())
    }
}

/// Whether a batch can be taken in.
fn check_batch(sent: &[Box<RawValue>]) -> Result<()> {
    if (1..=MAX_BATCH).contains(&sent.len()) {
        return Ok(());
    }
    let detail = format!("must be 1 to {MAX_BATCH} operations");
    Err(ProblemType::InvalidFields.with_detail("").with_errors([("operations", detail)]).into())
}

/// An operation as it was sent: readable, or refused before anybody looks at the store.
type Read = std::result::Result<FingerprintedOperation, (Option<String>, Problem)>;

fn result(read: Read, applied: &mut impl Iterator<Item = Applied>) -> Option<OperationResult> {
    Some(match read {
        Err((id, problem)) => OperationResult { id, outcome: Outcome::Rejected { problem } },
        Ok(fingerprinted) => {
            let outcome = match applied.next()? {
                Applied::Now(record) => Outcome::Applied { record },
                Applied::Before(record) => Outcome::Duplicate { record },
                Applied::IdReused => {
                    let detail = "Another operation has this id; make a new one.";
                    Outcome::Rejected { problem: ProblemType::OperationIdReused.with_detail(detail) }
                }
            };
            OperationResult { id: Some(fingerprinted.operation.id.into()), outcome }
        }
    })
}

/// An operation's id, whatever is wrong with the rest.
#[derive(Deserialize)]
struct Named {
    id: String,
}

/// An operation's action, as it stands there.
#[derive(Deserialize)]
struct Acting<'a> {
    #[serde(borrow)]
    action: Option<&'a RawValue>,
}

/// Reads one operation. Its fingerprint is that of what was sent; a time in the future becomes `now` only after that.
fn read_operation(text: &str, now: UnixMillis) -> Read {
    let id = serde_json::from_str::<Named>(text).ok().map(|named| named.id.chars().take(100).collect::<String>());
    let refuse = |problem: Problem| (id.clone(), problem);
    let unreadable = |error| refuse(ProblemType::InvalidBody.with_detail(what_was_expected(&error)));
    // serde takes arrays for structs, their fields by position.
    let is_object = |text: &str| text.starts_with('{');
    let action = serde_json::from_str::<Acting<'_>>(text).ok().and_then(|acting| acting.action);
    if !is_object(text) || action.is_some_and(|action| !is_object(action.get())) {
        return Err(refuse(ProblemType::InvalidBody.with_detail("an operation is an object, and so is its action")));
    }
    let operation: Operation = serde_json::from_str(text).map_err(unreadable)?;
    let wrong = operation.action.violation().map(|detail| ("action", detail));
    let wrong = wrong.or_else(|| (operation.at_ms < 0).then(|| ("at_ms", "must not be negative".to_owned())));
    if let Some(wrong) = wrong {
        return Err(refuse(ProblemType::InvalidFields.with_detail("").with_errors([wrong])));
    }
    let mut fingerprinted = FingerprintedOperation::new(operation);
    fingerprinted.operation.at_ms = fingerprinted.operation.at_ms.min(now);
    Ok(fingerprinted)
}
