//! `/v1/me/…`: what the signed-in learner did.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use kairos_protocol::api::operation::{OperationBatch, OperationResults};
use kairos_protocol::sync::generation::Namespace;

use super::written;
use crate::domain::{cursor, learners};
use crate::error::Result;
use crate::extract::{Body, Read, Session};
use crate::state::AppState;
use crate::store::Versioned;

/// `GET /v1/me/progress?limit&cursor`
pub async fn list_progress(State(state): State<AppState>, read: Read) -> Result<Response> {
    let user = read.user()?;
    let after = cursor::read(read.query.cursor())?;
    let limit = read.query.limit()?;
    let store = state.store;
    state.responses.get_or_load(read.lookup, || learners::list_progress(store, user, after, limit)).await
}

/// `GET /v1/me/progress/stats`
pub async fn show_statistics(State(state): State<AppState>, read: Read) -> Result<Response> {
    let user = read.user()?;
    let store = state.store;
    state.responses.get_or_load(read.lookup, || learners::statistics(store, user)).await
}

/// `GET /v1/me/history?limit&cursor`
pub async fn list_history(State(state): State<AppState>, read: Read) -> Result<Response> {
    let user = read.user()?;
    let after = cursor::read(read.query.cursor())?;
    let limit = read.query.limit()?;
    let store = state.store;
    state.responses.get_or_load(read.lookup, || learners::list_history(store, user, after, limit)).await
}

/// `POST /v1/me/operations`
pub async fn apply_operations(
    State(state): State<AppState>,
    Session { user, .. }: Session,
    Body(batch): Body<OperationBatch>,
) -> Result<Response> {
    learners::check_batch(&batch.operations)?;
    let work = learners::apply_operations(state.store, user.clone(), batch.operations, state.environment.now());
    let Versioned { value: results, generations } = state.writes.commit(vec![Namespace::User(user)], work).await?;
    Ok(written(StatusCode::OK, &Versioned { value: OperationResults { results }, generations }))
}
