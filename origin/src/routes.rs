//! Every route, on one screen.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::openapi::OpenApi;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Extension, Router};
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app;
use crate::error::AppError;
use crate::handlers::{accounts, cache, events, modules, progress, service, tutor};
use crate::middleware;
use crate::openapi::{self, Description, operations};
use crate::response_cache::write_cache_headers;
use crate::state::{AppState, Observed};

/// Most bytes in a body, where nothing else is said.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// Most bytes in the body of a module: its content, escaped, and the rest.
const MAX_MODULE_BYTES: usize = 2 * 1024 * 1024;

/// The service.
pub fn router(state: AppState) -> Router {
    let (router, document) = openapi::describe(routes);
    router
        .layer(Extension(Description::new(&document)))
        .fallback(|| async { AppError::from(ProblemType::NotFound) })
        .layer(CatchPanicLayer::custom(middleware::describe_panic))
        .layer(from_fn(middleware::bound))
        .layer(from_fn(write_cache_headers))
        // What is not the API's; the rest goes on to the routes.
        .layer(from_fn_with_state(Option::<app::App>::from_ref(&state), app::serve))
        .layer(from_fn_with_state(Observed::from_ref(&state), middleware::observe))
        .with_state(state)
}

/// What the routes are described as.
#[must_use]
pub fn description() -> OpenApi {
    openapi::describe(routes).1
}

fn routes() -> ApiRouter<AppState> {
    let authoring = ApiRouter::new()
        .api_route(
            paths::MODULES,
            get_with(modules::list_modules, operations::list_modules)
                .post_with(modules::create_module, operations::create_module),
        )
        .api_route(
            paths::MODULE,
            get_with(modules::show_module, operations::show_module)
                .put_with(modules::replace_module, operations::replace_module)
                .delete_with(modules::delete_module, operations::delete_module),
        )
        .layer(DefaultBodyLimit::max(MAX_MODULE_BYTES));
    ApiRouter::new()
        .api_route(paths::MODULES_SEARCH, get_with(modules::search_modules, operations::search_modules))
        .api_route(paths::REGISTER, post_with(accounts::register, operations::register))
        .api_route(paths::LOGIN, post_with(accounts::login, operations::login))
        .api_route(paths::REFRESH, post_with(accounts::refresh, operations::refresh))
        .api_route(paths::LOGOUT, post_with(accounts::logout, operations::logout))
        .api_route(paths::ME, get_with(accounts::show_profile, operations::show_profile))
        .api_route(paths::PROGRESS, get_with(progress::list_progress, operations::list_progress))
        .api_route(paths::STATISTICS, get_with(progress::show_statistics, operations::show_statistics))
        .api_route(paths::HISTORY, get_with(progress::list_history, operations::list_history))
        .api_route(paths::OPERATIONS, post_with(progress::apply_operations, operations::apply_operations))
        .api_route(paths::EVENTS, get_with(events::stream_events, operations::stream_events))
        .api_route(paths::TUTOR_ANSWERS, post_with(tutor::answer_question, operations::answer_question))
        .api_route(paths::ADMIN_CACHE, get_with(cache::show_cache, operations::show_cache))
        .api_route(paths::ADMIN_CACHE_PURGE, post_with(cache::purge_cache, operations::purge_cache))
        .api_route(paths::HEALTH_LIVE, get_with(service::show_liveness, operations::show_liveness))
        .api_route(paths::HEALTH_READY, get_with(service::show_readiness, operations::show_readiness))
        .api_route(paths::METRICS, get_with(service::show_metrics, operations::show_metrics))
        .api_route(paths::OPENAPI, get_with(service::show_openapi, operations::show_openapi))
        .api_route(paths::JWKS, get_with(service::show_key_set, operations::show_key_set))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .merge(authoring)
}
