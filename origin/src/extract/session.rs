//! Who asks: the account that the access token speaks for.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use kairos_protocol::api::account::Role;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::problem::ProblemType;

use crate::error::{AppError, Result};
use crate::state::AppState;

/// Somebody who signed in.
pub struct Session {
    /// Their account.
    pub user: UserId,
    /// What they may do, as of when the token was signed.
    pub roles: Vec<Role>,
}

/// Somebody who may change modules.
pub struct AuthorSession(pub Session);

impl FromRequestParts<AppState> for Session {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let claims = state.tokens.verify(bearer(&parts.headers)?)?;
        Ok(Self { user: claims.sub, roles: claims.roles })
    }
}

impl FromRequestParts<AppState> for AuthorSession {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self> {
        let session = Session::from_request_parts(parts, state).await?;
        if session.roles.iter().any(|role| matches!(role, Role::Author | Role::Admin)) {
            return Ok(Self(session));
        }
        Err(ProblemType::Forbidden.with_detail("Only authors change modules.").into())
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str> {
    let missing = || ProblemType::Unauthenticated.with_detail("Send `Authorization: Bearer` with an access token.");
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(missing().into());
    };
    let (scheme, token) = value.to_str().ok().and_then(|v| v.trim().split_once(' ')).ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(missing().into()) }
}
