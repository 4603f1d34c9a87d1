//! Sessions, from sign-in to sign-out: [`SessionStore`] and what it is told. Refresh tokens themselves are never stored, only their
//! hashes; how they are made is not here ([`crate::auth::refresh`]).

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::ids::UserId;

use super::error::Result;

/// A session at its sign-in. It is one record for good: the newest refresh token's hash and that of the one before.
#[derive(Clone)]
pub struct NewSession {
    /// All refresh tokens that descend from one sign-in. Unique.
    pub family: String,
    /// Whose session.
    pub user: UserId,
    /// The account's password hash that was verified. Not stored.
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
    /// the response may have been lost on the way, and two tabs may ask at once.
    Rotated {
        /// Whose session.
        user: UserId,
    },
    /// Its successor was used before: two have the session, one of them not its owner. It has been ended.
    Reused,
    /// The session never was, has expired or was ended.
    Unknown,
}

/// The sessions.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Begins a session; `false`, and nothing is stored, when the account has another password by now than was verified. Two
    /// round trips in MongoDB, three where the result is `false`.
    async fn insert_session(&self, session: &NewSession) -> Result<bool>;

    /// Makes `next` the newest refresh token of `family` if the token with hash `shown` is it, atomically; see [`Rotation`].
    /// Harmless to repeat. One round trip, and a second one where the session is ended.
    async fn rotate_session(&self, family: &str, shown: &str, next: &Successor, now: UnixMillis) -> Result<Rotation>;

    /// Ends a session. Unknown ones are no error. One round trip.
    async fn end_session(&self, family: &str) -> Result<()>;
}
