//! JSON bodies, which have to arrive in time. How large one may be is set where the route is.

use std::time::Duration;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use kairos_protocol::api::problem::{Problem, ProblemType};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::domain::json::what_was_expected;
use crate::error::AppError;

/// How long a body may take to arrive, from when its head was there: the largest, 2 MiB, over a line of 2 Mbit/s.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);

/// A body of `application/json` that is a `T`.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AppError> {
        if !is_json(request.headers()) {
            let problem = ProblemType::UnsupportedMediaType.with_detail("Send `Content-Type: application/json`.");
            return Err(problem.into());
        }
        let arriving = timeout(ARRIVAL_TIMEOUT, Bytes::from_request(request, state)).await;
        let bytes = arriving.map_err(|_| late())?.map_err(unreadable)?;
        serde_json::from_slice::<&RawValue>(&bytes).map_err(|error| malformed(&error))?;
        match serde_json::from_slice(&bytes) {
            // serde takes an array for a struct, its fields by position. Every body of ours is an object.
            Ok(_) if !bytes.trim_ascii_start().starts_with(b"{") => {
                Err(ProblemType::InvalidBody.with_detail("expected an object").into())
            }
            Ok(body) => Ok(Self(body)),
            Err(error) => Err(ProblemType::InvalidBody.with_detail(what_was_expected(&error)).into()),
        }
    }
}

impl<T: JsonSchema> OperationInput for Body<T> {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        // What a route says of its body replaces what the handler's type says.
        operation.request_body = None;
        Json::<T>::operation_input(context, operation);
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn late() -> AppError {
    let detail = format!("A body has to arrive within {} s.", ARRIVAL_TIMEOUT.as_secs());
    ProblemType::RequestTimeout.with_detail(detail).into()
}

fn unreadable(rejection: BytesRejection) -> AppError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ProblemType::BodyTooLarge.with_detail("It is larger than this route takes.").into();
    }
    let problem = ProblemType::MalformedJson.with_detail("The body did not arrive whole.");
    AppError::logged(problem, rejection.body_text())
}

/// Says where the body is wrong, without repeating what is in it: it may be a password.
fn malformed(error: &serde_json::Error) -> Problem {
    let place = format!("line {} column {}", error.line(), error.column());
    ProblemType::MalformedJson.with_detail(format!("It ends or breaks off at {place}."))
}
