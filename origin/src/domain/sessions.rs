//! Sessions: begun by who has shown who they are, continued with a refresh token, ended. Not here: how somebody shows that
//! ([`super::accounts`]), and what tokens are made of ([`crate::auth`]).

use std::sync::Arc;

use kairos_protocol::api::account::{Profile, TOKEN_TYPE, TokenGrant};
use kairos_protocol::api::problem::ProblemType;

use super::error::{DomainError, Result};
use crate::auth::refresh::{RefreshToken, Successors};
use crate::auth::tokens::{ACCESS_TOKEN_SECS, REFRESH_TOKEN_MS, Tokens};
use crate::environment::Environment;
use crate::store::accounts::Account;
use crate::store::sessions::{NewSession, Rotation, Successor};
use crate::store::{AccountStore, SessionStore};

/// The sessions.
pub struct Sessions {
    store: Arc<dyn SessionStore>,
    accounts: Arc<dyn AccountStore>,
    tokens: Arc<Tokens>,
    successors: Successors,
    environment: Environment,
}

impl Sessions {
    /// The sessions in `store` of those in `accounts`.
    #[must_use]
    pub fn new(
        store: Arc<dyn SessionStore>,
        accounts: Arc<dyn AccountStore>,
        tokens: Arc<Tokens>,
        successors: Successors,
        environment: Environment,
    ) -> Self {
        Self { store, accounts, tokens, successors, environment }
    }

    /// Begins a session of an account whose password was verified.
    ///
    /// # Errors
    /// [`ProblemType::WrongCredentials`] when the password was changed meanwhile, or the store's.
    pub async fn begin(&self, account: Account) -> Result<TokenGrant> {
        let token = RefreshToken::generate(&self.environment);
        let profile = account.profile();
        let session = NewSession {
            family: token.family(),
            user: account.id,
            verified_hash: account.hashed_password.unwrap_or_default(),
            token_hash: token.hash(),
            expires_at_ms: self.environment.now() + REFRESH_TOKEN_MS,
        };
        if self.store.insert_session(&session).await? {
            return self.grant(profile, &token);
        }
        Err(ProblemType::WrongCredentials.into())
    }

    /// Trades a refresh token for the next one and a new access token, with the roles that the account has now. Asked again, it
    /// gives the same next token, until that is used.
    ///
    /// # Errors
    /// [`ProblemType::RefreshTokenInvalid`], or the store's.
    pub async fn refresh(&self, shown: &str) -> Result<TokenGrant> {
        let ended = |why: &str| DomainError::from(ProblemType::RefreshTokenInvalid.with_detail(why));
        let shown = RefreshToken::parse(shown).ok_or_else(|| ended("Sign in again."))?;
        let token = self.successors.after(&shown);
        let now = self.environment.now();
        let next = Successor { token_hash: token.hash(), expires_at_ms: now + REFRESH_TOKEN_MS };
        match self.store.rotate_session(&shown.family(), &shown.hash(), &next, now).await? {
            Rotation::Rotated { user } => {
                let profile = self.accounts.profile(&user).await?.value;
                self.grant(profile.ok_or_else(|| ended("The account is gone."))?, &token)
            }
            Rotation::Reused => Err(ended("The token is an old one, so the whole session was ended. Sign in again.")),
            Rotation::Unknown => Err(ended("Sign in again.")),
        }
    }

    /// Ends the session that a refresh token belongs to. Ending it twice is no error.
    ///
    /// # Errors
    /// The store's.
    pub async fn end(&self, shown: &str) -> Result<()> {
        match RefreshToken::parse(shown) {
            Some(token) => Ok(self.store.end_session(&token.family()).await?),
            None => Ok(()),
        }
    }

    fn grant(&self, profile: Profile, refresh_token: &RefreshToken) -> Result<TokenGrant> {
        Ok(TokenGrant {
            access_token: self.tokens.sign(&profile.id, &profile.roles)?,
            token_type: TOKEN_TYPE.to_owned(),
            expires_in_secs: ACCESS_TOKEN_SECS,
            refresh_token: refresh_token.to_text(),
            profile,
        })
    }
}
