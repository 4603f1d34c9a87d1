//! `/v1/auth/…` and `/v1/me`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use kairos_protocol::api::account::{LoginRequest, RefreshRequest, RegisterRequest, TokenGrant};

use crate::domain::accounts::Accounts;
use crate::domain::sessions::Sessions;
use crate::error::Result;
use crate::extract::{Body, ClientAddress, Read};
use crate::limits::RateLimits;
use crate::response_cache::ResponseCache;

/// `POST /v1/auth/register`
pub async fn register(
    State(accounts): State<Arc<Accounts>>,
    State(sessions): State<Arc<Sessions>>,
    State(limits): State<Arc<RateLimits>>,
    ClientAddress(address): ClientAddress,
    Body(request): Body<RegisterRequest>,
) -> Result<(StatusCode, Json<TokenGrant>)> {
    limits.count_registration(address)?;
    let account = accounts.register(request).await?;
    Ok((StatusCode::CREATED, Json(sessions.begin(account).await?)))
}

/// `POST /v1/auth/login`
pub async fn login(
    State(accounts): State<Arc<Accounts>>,
    State(sessions): State<Arc<Sessions>>,
    State(limits): State<Arc<RateLimits>>,
    ClientAddress(address): ClientAddress,
    Body(request): Body<LoginRequest>,
) -> Result<Json<TokenGrant>> {
    limits.count_sign_in(address, &request.email)?;
    let account = accounts.authenticate(request).await?;
    Ok(Json(sessions.begin(account).await?))
}

/// `POST /v1/auth/refresh`
pub async fn refresh(
    State(sessions): State<Arc<Sessions>>,
    Body(request): Body<RefreshRequest>,
) -> Result<Json<TokenGrant>> {
    Ok(Json(sessions.refresh(&request.refresh_token).await?))
}

/// `POST /v1/auth/logout`
pub async fn logout(State(sessions): State<Arc<Sessions>>, Body(request): Body<RefreshRequest>) -> Result<StatusCode> {
    sessions.end(&request.refresh_token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/me`
pub async fn show_profile(
    State(accounts): State<Arc<Accounts>>,
    State(responses): State<ResponseCache>,
    read: Read,
) -> Result<Response> {
    let user = read.user()?;
    responses.get_or_load(read.lookup, || accounts.profile(user)).await
}
