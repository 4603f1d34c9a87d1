//! One request, from its route to the response: served here, forwarded as it is, or an exchange over what is stored
//! ([`crate::exchange`]). It decides nothing itself.

use kairos_protocol::UnixMillis;
use kairos_protocol::api::headers;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::http::cache_status::Forward;
use kairos_protocol::sync::generation::Generations;
use wasm_bindgen::JsValue;
use web_sys::Request;
use worker::console_error;

use crate::exchange::{Exchange, look_up};
use crate::order::reported_generations;
use crate::platform::{EdgeResponse, read_head};
use crate::request::CacheRequest;
use crate::response::{forwarded, not_cached, origin_problem, problem_response};
use crate::route::{Route, route};
use crate::storability::StoreOutcome;
use crate::upstream::Upstream;

/// Answers one request.
///
/// # Errors
/// The runtime's, when it cannot even be read.
pub(crate) async fn handle(
    request: &Request,
    upstream: &Upstream,
    clock: fn() -> UnixMillis,
) -> Result<EdgeResponse, JsValue> {
    let head = read_head(request)?;
    match route(&head) {
        Route::Absent => Ok(problem_response(&ProblemType::NotFound.with_detail("There is no such route."), None)),
        Route::NotCached => Ok(not_cached()),
        Route::Forward(reason) => {
            let reported = reported_generations(&head, None, clock());
            Ok(forward(request, &head, &reported, upstream, reason).await)
        }
        Route::Lookup(lookup) => {
            let key = lookup.key();
            let found = look_up(&key).await;
            let reported = reported_generations(&head, found.as_ref().map(|found| &found.stored), clock());
            let exchange = Exchange { request, head: &head, lookup: &lookup, key: &key, reported, upstream, clock };
            Ok(exchange.respond(found).await)
        }
    }
}

async fn forward(
    request: &Request,
    head: &CacheRequest,
    reported: &Generations,
    upstream: &Upstream,
    reason: Forward,
) -> EdgeResponse {
    let cache_status = forwarded(reason, StoreOutcome::NotConsidered);
    match upstream.forward(request, head, reported).await {
        Ok(response) => {
            let body = response.body();
            let mut fields = response.fields;
            fields.append(headers::CACHE_STATUS, &cache_status.to_string());
            EdgeResponse { status: response.status, fields, body }
        }
        Err(failure) => {
            console_error!("{} {}: {failure}", head.method, head.path);
            problem_response(&origin_problem(head, &failure), Some(&cache_status))
        }
    }
}
