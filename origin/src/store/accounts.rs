//! The accounts: [`AccountStore`] and [`Account`]. Not here: what makes an email or a name acceptable, and how passwords are hashed.

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::{Profile, Role};
use kairos_protocol::api::ids::UserId;

use super::error::Result;
use super::generations::Versioned;

/// An account with its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Unique.
    pub id: UserId,
    /// Unique, byte for byte: in one form for all ways to type it.
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

/// The accounts. Every method is one round trip.
#[async_trait]
pub trait AccountStore: Send + Sync + 'static {
    /// Adds an account; `false` when its email or id is taken.
    async fn insert_account(&self, account: &Account) -> Result<bool>;

    /// Adds an account, or gives the one with this email the new name, password (unless `None`) and roles. A new password ends
    /// its sessions. Returns its id.
    async fn put_account(&self, account: &Account, now: UnixMillis) -> Result<Versioned<UserId>>;

    /// The account that is stored under exactly this email, its password hash included.
    async fn account_by_email(&self, email: &str) -> Result<Option<Account>>;

    /// An account without its secrets.
    async fn profile(&self, user: &UserId) -> Result<Versioned<Option<Profile>>>;

    /// Adds accounts whose ids are not taken, for imports. Returns how many were added.
    async fn import_accounts(&self, accounts: &[Account]) -> Result<u64>;
}
