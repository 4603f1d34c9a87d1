//! The one error type at the HTTP surface: a [`Problem`] for the caller and a cause for the log. Logged once, where it becomes a
//! response. Not here: what goes wrong in the store ([`crate::store::StoreError`]).

use aide::OperationOutput;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kairos_protocol::api::headers::KAIROS_GEN;
use kairos_protocol::api::problem::{self, Problem, ProblemType};
use kairos_protocol::sync::generation::Generations;

use crate::store::StoreError;

/// Why a request is not answered as asked.
#[derive(Clone, Debug)]
pub struct AppError {
    /// What the caller is told.
    pub problem: Problem,
    /// What the log is told besides; never sent.
    pub cause: Option<String>,
    /// What was asked for may have been done all the same, or may yet be.
    pub may_have_happened: bool,
    /// Of a write that the store refused: the state that it was refused for. Whoever reads next must see at least that.
    pub generations: Generations,
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, AppError>;

impl From<Problem> for AppError {
    fn from(problem: Problem) -> Self {
        Self { problem, cause: None, may_have_happened: false, generations: Generations::default() }
    }
}

impl From<ProblemType> for AppError {
    fn from(kind: ProblemType) -> Self {
        kind.with_detail("").into()
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        let problem = match &error {
            StoreError::Unavailable(_) | StoreError::Unanswered(_) => {
                ProblemType::Unavailable.with_detail("The database cannot be reached. Try again in a few seconds.")
            }
            StoreError::Corrupt(_) => ProblemType::Internal.with_detail("The log has the details."),
        };
        Self { may_have_happened: error.may_have_happened(), ..Self::logged(problem, error.to_string()) }
    }
}

impl AppError {
    /// A problem, and what only the log is told of it.
    #[must_use]
    pub fn logged(problem: Problem, cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..problem.into() }
    }

    /// A write refused by the store in the state that `generations` name.
    #[must_use]
    pub fn refused(problem: Problem, generations: Generations) -> Self {
        Self { generations, ..problem.into() }
    }

    /// A problem whose cause only the log is told.
    #[must_use]
    pub fn with_cause(kind: ProblemType, cause: impl Into<String>) -> Self {
        Self::logged(kind.with_detail("The log has the details."), cause)
    }
}

// Every operation has the same response for problems: it is described once, for all of them.
impl OperationOutput for AppError {
    type Inner = Problem;
}

/// Seconds after which a caller may try again what a dependency could not do.
const RETRY_AFTER_SECS: u32 = 2;

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let Self { problem, cause, generations, .. } = self;
        let kind = problem.uri.as_str();
        match (problem.status, &cause) {
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
            && !generations.is_empty()
        {
            headers.insert(KAIROS_GEN, value);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECS));
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
