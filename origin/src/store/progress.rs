//! What learners did: [`ProgressStore`], their records, statistics and history, and the operations that change them. Not here: what an
//! operation does to a record ([`kairos_protocol::sync::reducer`]).

use std::collections::BTreeSet;

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::operation::Operation;
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use sha2::{Digest, Sha256};

use super::error::Result;
use super::generations::Versioned;

/// How long an operation's id is stored: longer than any browser stores an operation.
pub const OPERATION_ID_LIFETIME_MS: UnixMillis = 400 * 24 * 3_600 * 1_000;

/// An operation with what tells it from another one under the same id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FingerprintedOperation {
    /// The operation, its time already bounded by the origin's.
    pub operation: Operation,
    /// SHA-256 of what the learner sent, hexadecimal.
    pub fingerprint: String,
}

impl FingerprintedOperation {
    /// Takes the fingerprint of `operation` as it was sent; bound its time only afterwards.
    #[must_use]
    pub fn new(operation: Operation) -> Self {
        // Serialising a struct of strings and numbers does not fail; if it did, equal operations would still be equal.
        let canonical = serde_json::to_vec(&operation).unwrap_or_default();
        Self { operation, fingerprint: hex::encode(Sha256::digest(canonical)) }
    }
}

/// What became of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Applied now. The record as it is after the batch.
    Now(ProgressRecord),
    /// Applied before. The record as it is now.
    Before(ProgressRecord),
    /// Its id belongs to another operation; not applied.
    IdReused,
}

/// What learners did. Every read is one round trip.
#[async_trait]
pub trait ProgressStore: Send + Sync + 'static {
    /// A learner's records in the order of their modules' slugs, from after `after`, at most `limit`.
    async fn list_progress(
        &self,
        user: &UserId,
        after: Option<&Slug>,
        limit: u32,
    ) -> Result<Versioned<Vec<ProgressRecord>>>;

    /// Statistics over all of a learner's records, in one aggregation (row Q1).
    async fn statistics(&self, user: &UserId) -> Result<Versioned<Statistics>>;

    /// A learner's history, newest first by (time, operation id), from after `after`, at most `limit`.
    async fn list_history(
        &self,
        user: &UserId,
        after: Option<&(UnixMillis, OperationId)>,
        limit: u32,
    ) -> Result<Versioned<Vec<HistoryEntry>>>;

    /// Which of `ids` the learner has sent before and the store has taken in.
    async fn known_among(&self, user: &UserId, ids: &[OperationId]) -> Result<BTreeSet<OperationId>>;

    /// Applies a learner's operations, each exactly once however often and from wherever it is sent (I-ONCE), with
    /// [`kairos_protocol::sync::reducer`]. One result per operation, in order. After an error none was applied, or all of them
    /// were. One transaction.
    async fn apply_operations(
        &self,
        user: &UserId,
        operations: &[FingerprintedOperation],
        now: UnixMillis,
    ) -> Result<Versioned<Vec<Applied>>>;

    /// [`ProgressStore::apply_operations`] for many learners, for imports: the same meaning, in one transaction. Returns how many
    /// operations were applied now.
    async fn import_operations(
        &self,
        operations: &[(UserId, FingerprintedOperation)],
        now: UnixMillis,
    ) -> Result<Versioned<u64>>;
}
