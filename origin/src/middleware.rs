//! What every request goes through: it is logged and counted, bounded in time and length, and answered with a problem when it
//! panics or has the wrong method. Cache headers are written in [`crate::response_cache`].

use std::any::Any;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use tokio::time::timeout;
use tracing::field::Empty;
use tracing::{Instrument, info_span, trace_span};

use crate::app;
use crate::error::AppError;
use crate::state::Observed;
use crate::telemetry;
use crate::telemetry::request_trace::{RequestTrace, TRACES};
use crate::telemetry::requests::write_common;
use crate::telemetry::trace_context::TraceContext;

/// The longest a request may take. Longer than the store's own limit, so that its error is the one that is told.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(25);
/// A read that takes as long is worth a line in the log.
const NOTABLE: Duration = Duration::from_secs(1);
/// Longer than any path and query of ours.
const MAX_URI_BYTES: usize = 8 * 1024;

/// Gives the request an id, counts it by route, method and status, and logs its outcome in one line: at the level `info` if it was a
/// write, took long or failed, else at `debug`. All that is logged for it has the id and that of its trace.
pub async fn observe(State(Observed { ids, metrics }): State<Observed>, request: Request, next: Next) -> Response {
    let id = ids.next();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let began = tokio::time::Instant::now();
    let matched = route.as_ref().map_or("unknown", MatchedPath::as_str);
    let traced = trace_span!(
        target: TRACES, "http", otel.kind = "server", otel.name = format!("{method} {matched}"),
        http.request.method = method.as_str(), http.route = matched, http.response.status_code = Empty
    );
    let caller = TraceContext::of_caller(request.headers());
    let context = telemetry::exported(&traced, caller).unwrap_or_else(|| ids.context(&id, caller));
    let trace = RequestTrace::new(context);
    let span = info_span!(parent: &traced, "request", id = id.as_str(), trace_id = %context.trace);
    let mut response = trace.work(next.run(request)).instrument(span.clone()).await;
    let took = began.elapsed();
    let status = response.status();
    let other = if response.extensions().get::<app::Served>().is_some() { app::ROUTE } else { "unknown" };
    let route = route.as_ref().map_or(other, MatchedPath::as_str);
    metrics.record(route, &method, status, took);
    traced.record("http.response.status_code", status.as_u16());
    let millis = took.as_secs_f64() * 1_000.0;
    let is_usual = method.is_safe() && !status.is_server_error() && took < NOTABLE;
    span.in_scope(|| match is_usual {
        true => tracing::debug!(%method, path, status = status.as_u16(), millis, "answered"),
        false => tracing::info!(%method, path, status = status.as_u16(), millis, "answered"),
    });
    write_common(response.headers_mut(), &id);
    // How long the database took is nobody's business where somebody shows who they are.
    if ![paths::REGISTER, paths::LOGIN, paths::REFRESH, paths::LOGOUT].contains(&path.as_str()) {
        trace.write_timing(response.headers_mut(), took);
    }
    response
}

/// Bounds what a request may take, and gives a wrong method its problem.
pub async fn bound(request: Request, next: Next) -> Response {
    let uri_bytes = request.uri().path_and_query().map_or(0, |text| text.as_str().len());
    if uri_bytes > MAX_URI_BYTES {
        let problem = ProblemType::UriTooLong.with_detail(format!("At most {MAX_URI_BYTES} bytes are read."));
        return AppError::from(problem).into_response();
    }
    match timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) if response.status() == StatusCode::METHOD_NOT_ALLOWED => wrong_method(),
        Ok(response) => response,
        Err(_) => {
            let problem = ProblemType::Unavailable.with_detail("It took too long. A write may still happen.");
            AppError::logged(problem, format!("no response within {} s", REQUEST_TIMEOUT.as_secs())).into_response()
        }
    }
}

/// `Allow` is set by the router itself, outside of this, unless it is there already.
fn wrong_method() -> Response {
    AppError::from(ProblemType::MethodNotAllowed.with_detail("`Allow` lists those that are.")).into_response()
}

/// A panic is a defect; the caller gets a problem all the same.
#[expect(clippy::needless_pass_by_value, reason = "the shape that the layer calls")]
pub fn describe_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    AppError::with_cause(ProblemType::Internal, format!("panic: {}", text.unwrap_or("of an unknown kind")))
        .into_response()
}
