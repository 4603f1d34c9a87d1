//! The one error type at the HTTP surface, [`AppError`], as a response: the problem is sent (RFC 9457), the cause is logged, once,
//! here. Not here: what goes wrong ([`crate::domain::error`]).

use aide::OperationOutput;
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kairos_protocol::api::headers::KAIROS_GEN;
use kairos_protocol::api::problem::{self, Problem, ProblemType};

use crate::domain::error::DomainError;
pub use crate::domain::error::Result;

/// Why a request is not answered as asked. What goes wrong before and around the domain has the same shape as what goes wrong in it.
pub type AppError = DomainError;

// Every operation has the same response for problems: it is described once, for all of them.
impl OperationOutput for AppError {
    type Inner = Problem;
}

/// Seconds after which a caller may try again what a dependency could not do.
const RETRY_AFTER_SECS: u32 = 2;

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let Self { problem, cause, generations, retry_after_secs, .. } = self;
        let kind = problem.uri.as_str();
        match (problem.status, &cause) {
            // Nothing failed: too much is asked of us, thousands of times a second. It is counted where it is refused.
            (503, None) => tracing::debug!(kind, detail = problem.detail, "the request was refused"),
            (500.., _) => tracing::error!(kind, cause, "the request failed"),
            (_, Some(cause)) => tracing::warn!(kind, cause, "the request was refused"),
            _ => tracing::debug!(kind, detail = problem.detail, "the request was refused"),
        }
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response =
            (status, [(CONTENT_TYPE, HeaderValue::from_static(problem::CONTENT_TYPE))], body).into_response();
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&generations.to_string())
            && !value.is_empty()
        {
            headers.insert(KAIROS_GEN, value);
        }
        let default = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_SECS);
        if let Some(secs) = retry_after_secs.or(default) {
            headers.insert(RETRY_AFTER, HeaderValue::from(secs));
        }
        // What has not arrived is not waited for (RFC 9110 §15.5.9).
        if status == StatusCode::REQUEST_TIMEOUT {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge(kind)));
        }
        response
    }
}

/// What a 401 asks for: a bearer token, as that is what opens anything here. RFC 9110 §15.5.2 wants a challenge in each. An error
/// code is only for an access token that was sent and is no good (RFC 6750 §3.1): a wrong password or refresh token is neither.
fn challenge(kind: &str) -> &'static str {
    let about_a_token = [ProblemType::TokenExpired, ProblemType::TokenInvalid];
    if about_a_token.iter().any(|token| token.uri() == kind) {
        "Bearer realm=\"kairos\", error=\"invalid_token\""
    } else {
        "Bearer realm=\"kairos\""
    }
}
