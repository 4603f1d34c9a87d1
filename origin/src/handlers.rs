//! One function a route: takes the request apart, calls the domain, puts the response together. No rules of their own.

pub mod accounts;
pub mod cache;
pub mod events;
pub mod modules;
pub mod progress;
pub mod service;
pub mod tutor;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kairos_protocol::api::headers::KAIROS_GEN;
use kairos_protocol::sync::generation::Generations;
use serde::Serialize;

use crate::store::Versioned;

/// The response to a write: what it made, and the generations from which on everybody sees it.
fn written<T: Serialize>(status: StatusCode, done: &Versioned<T>) -> Response {
    with_generations((status, Json(&done.value)).into_response(), &done.generations)
}

fn with_generations(mut response: Response, generations: &Generations) -> Response {
    let told = generations.to_string();
    if let Ok(value) = HeaderValue::from_str(&told)
        && !told.is_empty()
    {
        response.headers_mut().insert(HeaderName::from_static(KAIROS_GEN), value);
    }
    response
}
