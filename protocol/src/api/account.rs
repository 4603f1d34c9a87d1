//! Wire types of accounts: sign-up, sign-in, tokens and what a token claims. Not how any of it is checked.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::UnixMillis;
use crate::api::ids::UserId;

/// What an account may do. Each account has at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Has progress and history of its own.
    Learner,
    /// Creates, changes and deletes modules.
    Author,
    /// Everything an author does, and accounts.
    Admin,
}

impl Role {
    /// As on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Learner => "learner",
            Self::Author => "author",
            Self::Admin => "admin",
        }
    }

    /// The reverse of [`Role::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Learner, Self::Author, Self::Admin].into_iter().find(|r| r.as_str() == text)
    }
}

/// Body of `POST /v1/auth/register`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// Compared without regard to case.
    pub email: String,
    /// 1 to 100 characters.
    pub display_name: String,
    /// 8 to 128 characters.
    pub password: String,
}

/// Body of `POST /v1/auth/login`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// As registered.
    pub email: String,
    /// As registered.
    pub password: String,
}

/// Body of `POST /v1/auth/refresh` and `POST /v1/auth/logout`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The newest refresh token of the session.
    pub refresh_token: String,
}

/// Response to register, login and refresh. Never cached by anyone.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenGrant {
    /// A JWT signed with EdDSA; sent as `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in_secs: u32,
    /// Good for one refresh; the response to that holds the next one.
    pub refresh_token: String,
    /// Who signed in.
    pub profile: Profile,
}

/// Who an access token speaks for: `GET /v1/me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The account's id.
    pub id: UserId,
    /// In lower case.
    pub email: String,
    /// What to call them.
    pub display_name: String,
    /// What they may do.
    pub roles: Vec<Role>,
    /// When the account was made.
    pub created_at_ms: UnixMillis,
}

/// What an access token claims (RFC 7519 names).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Always `kairos`.
    pub iss: String,
    /// The account.
    pub sub: UserId,
    /// Seconds since 1970: issued at.
    pub iat: i64,
    /// Seconds since 1970: expires at.
    pub exp: i64,
    /// What the account may do.
    pub roles: Vec<Role>,
}

/// `Debug` without the secrets, so that no log can have them.
macro_rules! debug_without_secrets {
    ($($name:ident { $($shown:ident),* })*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))$(.field(stringify!($shown), &self.$shown))*.finish_non_exhaustive()
            }
        }
    )*};
}

debug_without_secrets! {
    RegisterRequest { email, display_name }
    LoginRequest { email }
    RefreshRequest {}
    TokenGrant { expires_in_secs, profile }
}

/// `iss` of every token.
pub const ISSUER: &str = "kairos";

/// One public key of the set at [`crate::api::paths::JWKS`] (RFC 8037: `kty` OKP, `crv` Ed25519).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// Key type: `OKP`.
    pub kty: String,
    /// Curve: `Ed25519`.
    pub crv: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// `EdDSA`.
    pub alg: String,
    /// Key id, in the header of the tokens it verifies.
    pub kid: String,
    /// The 32 key bytes, base64url without padding.
    pub x: String,
}

/// The published key set (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    /// Every key that a valid token may be signed with.
    pub keys: Vec<PublicKey>,
}
