//! Every route, on one screen.

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use tower_http::catch_panic::CatchPanicLayer;

use crate::environment::Environment;
use crate::error::AppError;
use crate::handlers::{accounts, modules, progress, service};
use crate::middleware;
use crate::response_cache::write_cache_headers;
use crate::state::AppState;

/// Most bytes in a body, where nothing else is said.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// Most bytes in the body of a module: its content, escaped, and the rest.
const MAX_MODULE_BYTES: usize = 2 * 1024 * 1024;

const MODULE: &str = "/v1/modules/{slug}";

/// The service.
pub fn router(state: AppState) -> Router {
    let authoring = Router::new()
        .route(paths::MODULES, get(modules::list_modules).post(modules::create_module))
        .route(MODULE, get(modules::show_module).put(modules::replace_module).delete(modules::delete_module))
        .layer(DefaultBodyLimit::max(MAX_MODULE_BYTES));
    Router::new()
        .route(paths::HEALTH_LIVE, get(service::show_liveness))
        .route(paths::HEALTH_READY, get(service::show_readiness))
        .route(paths::METRICS, get(service::show_metrics))
        .route(paths::OPENAPI, get(service::show_openapi))
        .route(paths::JWKS, get(service::show_key_set))
        .route(paths::REGISTER, post(accounts::register))
        .route(paths::LOGIN, post(accounts::login))
        .route(paths::REFRESH, post(accounts::refresh))
        .route(paths::LOGOUT, post(accounts::logout))
        .route(paths::ME, get(accounts::show_profile))
        .route(paths::MODULES_SEARCH, get(modules::search_modules))
        .route(paths::PROGRESS, get(progress::list_progress))
        .route(paths::STATISTICS, get(progress::show_statistics))
        .route(paths::HISTORY, get(progress::list_history))
        .route(paths::OPERATIONS, post(progress::apply_operations))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .merge(authoring)
        .fallback(|| async { AppError::from(ProblemType::NotFound) })
        .layer(CatchPanicLayer::custom(middleware::describe_panic))
        .layer(from_fn(middleware::bound))
        .layer(from_fn(write_cache_headers))
        .layer(from_fn_with_state(Environment::from_ref(&state), middleware::observe))
        .with_state(state)
}
