//! `/v1/me/…`: what the signed-in learner did.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use kairos_protocol::api::operation::{OperationBatch, OperationResults};

use super::written;
use crate::domain::cursor;
use crate::domain::progress::Progress;
use crate::error::Result;
use crate::extract::{Body, Read, RecordingSession};
use crate::response_cache::ResponseCache;

/// `GET /v1/me/progress?limit&cursor`
pub async fn list_progress(
    State(progress): State<Arc<Progress>>,
    State(responses): State<ResponseCache>,
    read: Read,
) -> Result<Response> {
    let user = read.user()?;
    let after = cursor::read(read.query.cursor())?;
    let limit = read.query.limit()?;
    responses.get_or_load(read.lookup, || progress.list(user, after, limit)).await
}

/// `GET /v1/me/progress/stats`
pub async fn show_statistics(
    State(progress): State<Arc<Progress>>,
    State(responses): State<ResponseCache>,
    read: Read,
) -> Result<Response> {
    let user = read.user()?;
    responses.get_or_load(read.lookup, || progress.statistics(user)).await
}

/// `GET /v1/me/history?limit&cursor`
pub async fn list_history(
    State(progress): State<Arc<Progress>>,
    State(responses): State<ResponseCache>,
    read: Read,
) -> Result<Response> {
    let user = read.user()?;
    let after = cursor::read(read.query.cursor())?;
    let limit = read.query.limit()?;
    responses.get_or_load(read.lookup, || progress.history(user, after, limit)).await
}

/// `POST /v1/me/operations`
pub async fn apply_operations(
    State(progress): State<Arc<Progress>>,
    RecordingSession(session): RecordingSession,
    Body(batch): Body<OperationBatch>,
) -> Result<Response> {
    let done = progress.apply(session.user, batch.operations).await?;
    Ok(written(StatusCode::OK, &done.map(|results| OperationResults { results })))
}
