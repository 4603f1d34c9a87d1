//! What the service says of itself: health, metrics, keys, its description.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use kairos_protocol::api::problem::ProblemType;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};

use crate::auth::tokens::Tokens;
use crate::cache::Cache;
use crate::domain::readiness::Readiness;
use crate::error::{AppError, Result};
use crate::extract::Read;
use crate::openapi;
use crate::response_cache::ResponseCache;
use crate::store::Versioned;

/// `GET /health/live`
pub async fn show_liveness() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

/// `GET /health/ready`: whether the store takes writes. Without Redis the service is slower, not unready.
pub async fn show_readiness(
    State(readiness): State<Arc<Readiness>>,
    State(cache): State<Cache>,
) -> Result<Json<Value>> {
    match readiness.check().await {
        Ok(()) => {
            let redis = match cache.shared_is_reached() {
                None => "not used",
                Some(true) => "reached",
                Some(false) => "not reached",
            };
            Ok(Json(json!({ "status": "ready", "redis": redis })))
        }
        Err(error) => {
            let problem = ProblemType::Unavailable.with_detail("The database takes no writes.");
            Err(AppError::logged(problem, error))
        }
    }
}

/// `GET /metrics`
pub async fn show_metrics(State(metrics): State<Option<PrometheusHandle>>) -> Result<Response> {
    let metrics = metrics.ok_or(ProblemType::NotFound)?;
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
pub async fn show_openapi(State(responses): State<ResponseCache>, read: Read) -> Result<Response> {
    responses.get_or_load(read.lookup, || async { openapi::document().map(Versioned::constant) }).await
}
