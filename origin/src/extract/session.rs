//! Who asks: the account that the access token speaks for.

use std::sync::Arc;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum_extra::headers::HeaderMapExt;
use axum_extra::headers::authorization::{Authorization, Bearer};
use kairos_protocol::api::account::Role;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::problem::ProblemType;

use super::described::require_bearer;
use crate::auth::tokens::Tokens;
use crate::error::{AppError, Result};
use crate::limits::RateLimits;

/// Somebody who signed in.
pub struct Session {
    /// Their account.
    pub user: UserId,
    /// What they may do, as of when the token was signed.
    pub roles: Vec<Role>,
}

/// Somebody who may change modules, and does not do so too often.
pub struct AuthorSession(pub Session);

/// Somebody who may look into the caches and purge them, and does not do so too often: it counts as changing modules does.
pub struct AdminSession(pub Session);

/// Somebody who records what they did, and does not do so too often.
pub struct RecordingSession(pub Session);

impl<S: Send + Sync> FromRequestParts<S> for Session
where
    Arc<Tokens>: FromRef<S>,
{
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let token = Arc::<Tokens>::from_ref(state).verify(bearer(&parts.headers)?.token()).await?;
        let claims = &token.claims;
        Ok(Self { user: claims.sub.clone(), roles: claims.roles.clone() })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AuthorSession
where
    Arc<Tokens>: FromRef<S>,
    Arc<RateLimits>: FromRef<S>,
{
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let roles = [Role::Author, Role::Admin];
        writer(parts, state, &roles, "Only authors change modules.").await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AdminSession
where
    Arc<Tokens>: FromRef<S>,
    Arc<RateLimits>: FromRef<S>,
{
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        writer(parts, state, &[Role::Admin], "Only admins look into the caches.").await.map(Self)
    }
}

/// Somebody who has one of `roles`, and writes no more often than modules may be written.
async fn writer<S>(parts: &mut Parts, state: &S, roles: &[Role], otherwise: &str) -> Result<Session>
where
    S: Send + Sync,
    Arc<Tokens>: FromRef<S>,
    Arc<RateLimits>: FromRef<S>,
{
    let session = Session::from_request_parts(parts, state).await?;
    if !session.roles.iter().any(|role| roles.contains(role)) {
        return Err(ProblemType::Forbidden.with_detail(otherwise).into());
    }
    Arc::<RateLimits>::from_ref(state).count_module_write(&session.user)?;
    Ok(session)
}

impl<S: Send + Sync> FromRequestParts<S> for RecordingSession
where
    Arc<Tokens>: FromRef<S>,
    Arc<RateLimits>: FromRef<S>,
{
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let session = Session::from_request_parts(parts, state).await?;
        Arc::<RateLimits>::from_ref(state).count_batch(&session.user)?;
        Ok(Self(session))
    }
}

impl OperationInput for Session {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        require_bearer(operation);
    }
}

impl OperationInput for AuthorSession {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        require_bearer(operation);
    }
}

impl OperationInput for AdminSession {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        require_bearer(operation);
    }
}

impl OperationInput for RecordingSession {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        require_bearer(operation);
    }
}

/// Of two `Authorization` fields, neither counts: another reader of the same request may take the other one.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Bearer> {
    let is_one = headers.get_all(AUTHORIZATION).iter().count() == 1;
    let sent = headers.typed_get::<Authorization<Bearer>>().filter(|_| is_one);
    let missing = || ProblemType::Unauthenticated.with_detail("Send `Authorization: Bearer` with an access token.");
    Ok(sent.ok_or_else(missing)?.0)
}
