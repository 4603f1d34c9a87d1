//! What the origin keeps and what it asks for: the [`Store`] trait, implemented by [`sqlite`] (embedded, the default) and
//! [`mongo`]. One suite (`tests/tests/store.rs`) runs on both. Not here: caching, or who may do what.

pub mod mongo;
pub mod records;
pub mod sqlite;

use std::collections::BTreeSet;

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::Profile;
use kairos_protocol::api::catalog::{Module, ModuleSummary};
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use kairos_protocol::sync::generation::{Generations, Namespace};

use records::{
    Account, Applied, FingerprintedOperation, ModuleFilter, ModulePosition, NewSession, Replaced, Rotation, SigningKey,
    Successor,
};

/// Why the store did not do what it was asked. Nothing was changed, except where [`StoreError::may_have_happened`] says so.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or refuses; trying again later may help. A write surely did not happen, and will not.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// It was asked and did not answer: too late, or the connection broke. A write may have happened, or may yet: writes are
    /// made so that repeating them is harmless.
    #[error("the store did not answer: {0}")]
    Unanswered(String),
    /// It answered with something that makes no sense: a defect, or data changed by other hands.
    #[error("the store is in a state that should not be: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// Whether a write that failed so may have happened all the same, or may yet.
    #[must_use]
    pub const fn may_have_happened(&self) -> bool {
        !matches!(self, Self::Unavailable(_))
    }
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, StoreError>;

/// What was read or written, and the generations of its namespaces in the same snapshot or transaction: they name the state that
/// was read, that the write left, or that it found when it changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// What it is.
    pub value: T,
    /// One for each namespace.
    pub generations: Generations,
}

impl<T> Versioned<T> {
    /// What no namespace has: it changes with a release.
    pub fn constant(value: T) -> Self {
        Self { value, generations: Generations::default() }
    }

    /// The same state, shown another way.
    pub fn map<U>(self, show: impl FnOnce(T) -> U) -> Versioned<U> {
        Versioned { value: show(self.value), generations: self.generations }
    }
}

/// The authority on generations. A namespace's number changes in the transaction that changes its data, and in no other, so one
/// number names one state for ever (`protocol::generation`).
#[async_trait]
pub trait GenerationStore: Send + Sync + 'static {
    /// The current number of each namespace, 0 for one that never changed. One point query, of data that no failover takes back.
    async fn generations(&self, namespaces: &[Namespace]) -> Result<Generations>;

    /// The same, and surely not from a server that was deposed and does not know it yet. Slower: for a caller who has seen a
    /// larger number than [`GenerationStore::generations`] gave.
    async fn confirmed_generations(&self, namespaces: &[Namespace]) -> Result<Generations>;
}

/// The database. Every method is one round trip, or says so. Safe to share among any number of instances when the
/// implementation's database is. `now` is the writer's clock, for [`kairos_protocol::sync::generation::Generation::next`].
#[async_trait]
pub trait Store: GenerationStore {
    /// Whether the database takes writes: makes one that nobody reads. On a database over the network, within a second.
    async fn ping(&self) -> Result<()>;

    /// Published modules in the order (subject, position, slug), from after `after`, at most `limit`; without content.
    async fn list_modules(
        &self,
        filter: &ModuleFilter,
        after: Option<&ModulePosition>,
        limit: u32,
    ) -> Result<Versioned<Vec<ModuleSummary>>>;

    /// Published modules that match the words of `query`, best first, at most `limit`; without content. Title counts more
    /// than tags, summary and content, in that order. Words are stemmed; all of `query` is text, never syntax.
    async fn search_modules(&self, query: &str, limit: u32) -> Result<Versioned<Vec<ModuleSummary>>>;

    /// One module, whatever its status.
    async fn module(&self, slug: &Slug) -> Result<Versioned<Option<Module>>>;

    /// Which of `slugs` name a published module.
    async fn published_among(&self, slugs: &BTreeSet<Slug>) -> Result<BTreeSet<Slug>>;

    /// Adds a module, in the first version that its slug never had: a slug's versions never come twice, also over a deletion.
    /// Returns that version; `None` when the slug is taken.
    async fn insert_module(&self, module: &Module, now: UnixMillis) -> Result<Versioned<Option<u64>>>;

    /// Replaces the module of the same slug if it still has version `expected`; `created_at_ms` stays what it was.
    async fn replace_module(&self, module: &Module, expected: u64, now: UnixMillis) -> Result<Versioned<Replaced>>;

    /// Deletes the module if it still has version `expected`. Progress and history in it stay, and its version is remembered.
    async fn delete_module(&self, slug: &Slug, expected: u64, now: UnixMillis) -> Result<Versioned<Replaced>>;

    /// Adds or overwrites modules by slug, for imports. An unchanged module (all but version and times equal) is not touched;
    /// a changed one gets the next version, a new one what [`Store::insert_module`] would give it. Returns how many were added
    /// or changed.
    async fn import_modules(&self, modules: &[Module], now: UnixMillis) -> Result<Versioned<u64>>;

    /// Adds an account; `false` when its email or id is taken.
    async fn insert_account(&self, account: &Account) -> Result<bool>;

    /// Adds an account, or gives the one with this email the new name, password (unless `None`) and roles. A new password ends
    /// its sessions. Returns its id.
    async fn put_account(&self, account: &Account, now: UnixMillis) -> Result<Versioned<UserId>>;

    /// The account kept under exactly this email, its password hash included.
    async fn account_by_email(&self, email: &str) -> Result<Option<Account>>;

    /// An account without its secrets.
    async fn profile(&self, user: &UserId) -> Result<Versioned<Option<Profile>>>;

    /// Adds accounts whose ids are not taken, for imports. Returns how many were added.
    async fn import_accounts(&self, accounts: &[Account]) -> Result<u64>;

    /// Keeps a new session; `false`, and nothing is kept, when the account has another password by now than was verified. Two
    /// round trips in MongoDB, three where the answer is `false`.
    async fn insert_session(&self, session: &NewSession) -> Result<bool>;

    /// Makes `next` the newest refresh token of `family` if the token with hash `shown` is it, atomically; see [`Rotation`].
    /// Harmless to repeat. A second round trip where the session is ended.
    async fn rotate_session(&self, family: &str, shown: &str, next: &Successor, now: UnixMillis) -> Result<Rotation>;

    /// Ends a session. Unknown ones are no error.
    async fn end_session(&self, family: &str) -> Result<()>;

    /// The signing key: `candidate` if there was none yet. All instances get the same.
    async fn signing_key(&self, candidate: &SigningKey) -> Result<SigningKey>;

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

    /// Which of `ids` the learner has sent before and the store has taken in, or begun to.
    async fn known_among(&self, user: &UserId, ids: &[OperationId]) -> Result<BTreeSet<OperationId>>;

    /// Applies a learner's operations, each exactly once however often and from wherever it is sent (I-ONCE), with
    /// [`kairos_protocol::sync::reducer`]. One result per operation, in order. After an error none was applied, or all of them were.
    async fn apply_operations(
        &self,
        user: &UserId,
        operations: &[FingerprintedOperation],
        now: UnixMillis,
    ) -> Result<Versioned<Vec<Applied>>>;

    /// [`Store::apply_operations`] for many learners, for imports: the same meaning, in as few round trips as may be.
    /// Returns how many operations were applied now.
    async fn import_operations(
        &self,
        operations: &[(UserId, FingerprintedOperation)],
        now: UnixMillis,
    ) -> Result<Versioned<u64>>;
}
