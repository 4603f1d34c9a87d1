//! What goes into and comes out of a [`Store`](super::Store) and is not on the wire. Plain data.

use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::{Profile, Role};
use kairos_protocol::api::catalog::{Difficulty, ModuleSummary};
use kairos_protocol::api::ids::{Slug, UserId};
use kairos_protocol::api::operation::Operation;
use kairos_protocol::api::progress::ProgressRecord;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Which published modules to list. Absent means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleFilter {
    /// Exactly this subject.
    pub subject: Option<String>,
    /// Exactly this difficulty.
    pub difficulty: Option<Difficulty>,
    /// Has this tag.
    pub tag: Option<String>,
}

/// A module's place in the order of lists; also what a cursor holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModulePosition {
    /// First by subject,
    pub subject: String,
    /// then by position,
    pub position: u32,
    /// then by slug.
    pub slug: Slug,
}

impl From<&ModuleSummary> for ModulePosition {
    fn from(module: &ModuleSummary) -> Self {
        Self { subject: module.subject.clone(), position: module.position, slug: module.slug.clone() }
    }
}

/// What became of a replacement, or of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// Done.
    Done,
    /// There is no such module.
    Missing,
    /// It has another version by now.
    Conflict {
        /// The one it has.
        version: u64,
    },
}

/// An account with its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Unique.
    pub id: UserId,
    /// Unique; see [`crate::auth::precis::email_key`].
    pub email: String,
    /// What to call them.
    pub display_name: String,
    /// Argon2id, PHC string. `None`: nobody can sign in with a password (imported learners).
    pub hashed_password: Option<String>,
    /// What they may do.
    pub roles: Vec<Role>,
    /// When it was made.
    pub created_at_ms: UnixMillis,
}

impl Account {
    /// The account without its secret.
    #[must_use]
    pub fn profile(&self) -> Profile {
        Profile {
            id: self.id.clone(),
            email: self.email.clone(),
            display_name: self.display_name.clone(),
            roles: self.roles.clone(),
            created_at_ms: self.created_at_ms,
        }
    }
}

/// A session at its sign-in. It is one record for good: the newest refresh token's hash and that of the one before. No token is
/// kept itself.
#[derive(Clone)]
pub struct NewSession {
    /// All refresh tokens that descend from one sign-in. Unique.
    pub family: String,
    /// Whose session.
    pub user: UserId,
    /// The account's password hash that was verified. Not kept.
    pub verified_hash: String,
    /// SHA-256 of the first refresh token, hexadecimal.
    pub token_hash: String,
    /// When the token stops working.
    pub expires_at_ms: UnixMillis,
}

/// The token that takes a shown one's place: derived from it, so the same each time that one is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// SHA-256 of the token, hexadecimal.
    pub token_hash: String,
    /// When the token stops working.
    pub expires_at_ms: UnixMillis,
}

/// What became of a refresh token that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It was good, and its successor is now the session's newest. Or it was so already and the successor has not been used:
    /// the answer may have been lost on the way, and two tabs may ask at once.
    Rotated {
        /// Whose session.
        user: UserId,
    },
    /// Its successor was used before: two have the session, one of them not its owner. It has been ended.
    Reused,
    /// The session never was, has expired or was ended.
    Unknown,
}

/// The Ed25519 key that signs access tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Names it in tokens and in the published set.
    pub kid: String,
    /// The private key, PKCS#8 DER.
    pub pkcs8: Vec<u8>,
    /// The 32 public bytes.
    pub public: [u8; 32],
}

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
        let fingerprint = hex::encode(Sha256::digest(canonical));
        Self { operation, fingerprint }
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

/// How long an operation's id is remembered: longer than any browser keeps an operation.
pub const OPERATION_MEMORY_MS: UnixMillis = 400 * 24 * 3_600 * 1_000;
