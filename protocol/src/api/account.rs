//! Wire types of accounts: sign-up, sign-in, tokens and what a token claims. Not how any of it is checked.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::UnixMillis;
use crate::api::ids::UserId;

/// Fewest characters in a password, prepared.
pub const MIN_PASSWORD_CHARS: usize = 8;
/// Most characters in a password, prepared.
pub const MAX_PASSWORD_CHARS: usize = 128;
/// Most characters in an email.
pub const MAX_EMAIL_CHARS: usize = 254;
/// Most characters in a display name.
pub const MAX_DISPLAY_NAME_CHARS: usize = 100;
/// [`TokenGrant::token_type`] of every grant.
pub const TOKEN_TYPE: &str = "Bearer";

/// What an account may do. Each account has at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// Compared without regard to case.
    #[cfg_attr(feature = "openapi", schemars(length(max = MAX_EMAIL_CHARS)))]
    pub email: String,
    /// What to call them.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = MAX_DISPLAY_NAME_CHARS)))]
    pub display_name: String,
    /// Prepared as an OpaqueString (RFC 8265) before it is counted and hashed.
    #[cfg_attr(feature = "openapi", schemars(length(min = MIN_PASSWORD_CHARS, max = MAX_PASSWORD_CHARS), extend("format" = "password")))]
    pub password: String,
}

/// Body of `POST /v1/auth/login`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// As registered.
    pub email: String,
    /// As registered.
    #[cfg_attr(feature = "openapi", schemars(extend("format" = "password")))]
    pub password: String,
}

/// Body of `POST /v1/auth/refresh` and `POST /v1/auth/logout`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The newest refresh token of the session.
    pub refresh_token: String,
}

/// Response to register, login and refresh. Never cached by anyone.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TokenGrant {
    /// A JWT signed with EdDSA; it verifies against the key set, and is sent as `Authorization: Bearer …`.
    pub access_token: String,
    /// How the access token is sent.
    #[cfg_attr(feature = "openapi", schemars(extend("const" = TOKEN_TYPE)))]
    pub token_type: String,
    /// Seconds until the access token expires.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1)))]
    pub expires_in_secs: u32,
    /// The response to a refresh holds the next one; asked again, the same, until that is used.
    pub refresh_token: String,
    /// Who signed in.
    pub profile: Profile,
}

/// Who an access token speaks for: `GET /v1/me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Profile {
    /// The account's id.
    pub id: UserId,
    /// Composed (NFC) and in lower case.
    pub email: String,
    /// What to call them.
    pub display_name: String,
    /// What they may do.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1)))]
    pub roles: Vec<Role>,
    /// When the account was made.
    #[cfg_attr(feature = "openapi", schemars(with = "crate::api::schema::Millis"))]
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

impl PublicKey {
    /// The one type of key.
    pub const KEY_TYPE: &str = "OKP";
    /// The one curve.
    pub const CURVE: &str = "Ed25519";
    /// What the keys are for.
    pub const USAGE: &str = "sig";
    /// What they sign with, as in the head of a token.
    pub const ALGORITHM: &str = "EdDSA";
}

/// One public key of the set (RFC 8037: `kty` OKP, `crv` Ed25519).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct PublicKey {
    /// Key type.
    #[cfg_attr(feature = "openapi", schemars(extend("const" = Self::KEY_TYPE)))]
    pub kty: String,
    /// Curve.
    #[cfg_attr(feature = "openapi", schemars(extend("const" = Self::CURVE)))]
    pub crv: String,
    /// What it is for: signatures.
    #[serde(rename = "use")]
    #[cfg_attr(feature = "openapi", schemars(extend("const" = Self::USAGE)))]
    pub usage: String,
    /// What it signs with.
    #[cfg_attr(feature = "openapi", schemars(extend("const" = Self::ALGORITHM)))]
    pub alg: String,
    /// Key id, in the header of the tokens it verifies.
    pub kid: String,
    /// The 32 key bytes, base64url without padding.
    pub x: String,
}

/// The published key set (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct KeySet {
    /// Every key that a valid token may be signed with.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1)))]
    pub keys: Vec<PublicKey>,
}
