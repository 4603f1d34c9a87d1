//! `/v1/auth/…` and `/v1/me`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use kairos_protocol::api::account::{LoginRequest, RefreshRequest, RegisterRequest, TokenGrant};

use crate::domain::accounts;
use crate::error::Result;
use crate::extract::{Body, Read};
use crate::state::AppState;

/// `POST /v1/auth/register`
pub async fn register(
    State(state): State<AppState>,
    Body(request): Body<RegisterRequest>,
) -> Result<(StatusCode, Json<TokenGrant>)> {
    Ok((StatusCode::CREATED, Json(accounts::register(&state, request).await?)))
}

/// `POST /v1/auth/login`
pub async fn login(State(state): State<AppState>, Body(request): Body<LoginRequest>) -> Result<Json<TokenGrant>> {
    Ok(Json(accounts::login(&state, request).await?))
}

/// `POST /v1/auth/refresh`
pub async fn refresh(State(state): State<AppState>, Body(request): Body<RefreshRequest>) -> Result<Json<TokenGrant>> {
    Ok(Json(accounts::refresh(&state, &request.refresh_token).await?))
}

/// `POST /v1/auth/logout`
pub async fn logout(State(state): State<AppState>, Body(request): Body<RefreshRequest>) -> Result<StatusCode> {
    accounts::logout(&state, &request.refresh_token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/me`
pub async fn show_profile(State(state): State<AppState>, read: Read) -> Result<Response> {
    let user = read.user()?;
    let responses = state.responses.clone();
    responses.get_or_load(read.lookup, || async move { accounts::profile(&state, &user).await }).await
}
