//! What the service says of itself: health, metrics, keys, its description.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use kairos_protocol::api::health::{Health, HealthStatus, RedisHealth, StoreHealth, TutorHealth};
use kairos_protocol::api::problem::ProblemType;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::auth::tokens::Tokens;
use crate::cache::Cache;
use crate::domain::readiness::Readiness;
use crate::error::{AppError, Result};
use crate::extract::Read;
use crate::openapi::Description;
use crate::response_cache::ResponseCache;
use crate::store::Versioned;
use crate::tutor::Tutor;

/// `GET /health/live`
pub async fn show_liveness() -> Json<Health> {
    Json(Health { status: HealthStatus::Live, store: None, redis: None, tutor: None })
}

/// `GET /health/ready`: whether it is worth sending requests here. Down is only who can neither write nor has anything to show.
pub async fn show_readiness(
    State(readiness): State<Arc<Readiness>>,
    State(cache): State<Cache>,
    State(responses): State<ResponseCache>,
    State(tutor): State<Arc<Tutor>>,
) -> Result<Json<Health>> {
    let store = match readiness.check().await {
        Ok(()) => StoreHealth::Reached,
        Err(error) if responses.is_empty() => {
            let problem = ProblemType::Unavailable.with_detail("The database takes no writes, and nothing is stored.");
            return Err(AppError::logged(problem, error));
        }
        Err(_) => StoreHealth::NotReached,
    };
    let redis = RedisHealth::of(cache.shared_is_reached());
    let tutor = tutor.health();
    let is_whole = store == StoreHealth::Reached
        && redis != RedisHealth::NotReached
        && tutor.is_none_or(|tutor| tutor == TutorHealth::Reached);
    let status = if is_whole { HealthStatus::Ready } else { HealthStatus::Degraded };
    Ok(Json(Health { status, store: Some(store), redis: Some(redis), tutor }))
}

/// `GET /metrics`
pub async fn show_metrics(
    State(metrics): State<Option<PrometheusHandle>>,
    State(responses): State<ResponseCache>,
    State(tokens): State<Arc<Tokens>>,
) -> Result<Response> {
    let metrics = metrics.ok_or(ProblemType::NotFound)?;
    responses.report();
    tokens.report();
    metrics.run_upkeep();
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render()).into_response())
}

/// `GET /.well-known/jwks.json`
pub async fn show_key_set(
    State(tokens): State<Arc<Tokens>>,
    State(responses): State<ResponseCache>,
    read: Read,
) -> Result<Response> {
    responses.get_or_load(read.lookup, || async move { Ok(Versioned::constant(tokens.key_set())) }).await
}

/// `GET /openapi.json`
pub async fn show_openapi(
    State(responses): State<ResponseCache>,
    Extension(description): Extension<Description>,
    read: Read,
) -> Result<Response> {
    responses.get_or_load(read.lookup, || async move { Ok(Versioned::constant(description.to_json())) }).await
}
