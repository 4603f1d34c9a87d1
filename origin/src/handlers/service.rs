//! What the service says of itself: health, metrics, keys, its description.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use kairos_protocol::api::health::{Health, HealthStatus, RedisHealth};
use kairos_protocol::api::problem::ProblemType;

use crate::error::{AppError, Result};
use crate::extract::Read;
use crate::openapi::Description;
use crate::state::AppState;
use crate::store::Versioned;

/// `GET /health/live`
pub async fn show_liveness() -> Json<Health> {
    Json(Health { status: HealthStatus::Live, redis: None })
}

/// `GET /health/ready`: whether the store takes writes. Without Redis the service is slower, not unready.
pub async fn show_readiness(State(state): State<AppState>) -> Result<Json<Health>> {
    match state.readiness.of(state.store.as_ref(), state.environment.now()).await {
        Ok(()) => {
            let redis = match state.cache.shared_is_reached() {
                None => RedisHealth::NotUsed,
                Some(true) => RedisHealth::Reached,
                Some(false) => RedisHealth::NotReached,
            };
            Ok(Json(Health { status: HealthStatus::Ready, redis: Some(redis) }))
        }
        Err(error) => {
            let problem = ProblemType::Unavailable.with_detail("The database takes no writes.");
            Err(AppError::logged(problem, error))
        }
    }
}

/// `GET /metrics`
pub async fn show_metrics(State(state): State<AppState>) -> Result<Response> {
    let metrics = state.metrics.ok_or(ProblemType::NotFound)?;
    metrics.run_upkeep();
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render()).into_response())
}

/// `GET /.well-known/jwks.json`
pub async fn show_key_set(State(state): State<AppState>, read: Read) -> Result<Response> {
    let keys = state.tokens.key_set();
    state.responses.get_or_load(read.lookup, || async move { Ok(Versioned::constant(keys)) }).await
}

/// `GET /openapi.json`
pub async fn show_openapi(
    State(state): State<AppState>,
    Extension(description): Extension<Description>,
    read: Read,
) -> Result<Response> {
    let load = || async move { Ok(Versioned::constant(description.to_json())) };
    state.responses.get_or_load(read.lookup, load).await
}
