//! What the caller gets to see of a response: which fields, with which age and status. Pure but for the body it carries along; not
//! which response it is ([`crate::exchange`]).

use kairos_protocol::api::headers;
use kairos_protocol::api::problem::{self, Problem, ProblemType};
use kairos_protocol::http::cache_status::{CacheStatus, Forward};
use kairos_protocol::http::field::Fields;
use kairos_protocol::http::validation::{is_not_modified, remove_content_fields};

use crate::platform::{Body, EdgeResponse};
use crate::request::CacheRequest;
use crate::storability::StoreOutcome;
use crate::upstream::Failure;

/// Seconds after which a caller may try again when the origin is down.
const RETRY_AFTER_SECS: u32 = 5;

/// The `Cache-Status` member of a stored response.
#[must_use]
pub(crate) fn hit(ttl_secs: i64) -> CacheStatus {
    CacheStatus::Hit { cache: headers::EDGE_CACHE, ttl_secs, detail: None }
}

/// The `Cache-Status` member of a response to a request that was forwarded.
#[must_use]
pub(crate) fn forwarded(reason: Forward, outcome: StoreOutcome) -> CacheStatus {
    let detail = match outcome {
        StoreOutcome::NotStored(reason) => Some(reason.token()),
        StoreOutcome::Stored | StoreOutcome::NotConsidered => None,
    };
    let stored = outcome == StoreOutcome::Stored;
    CacheStatus::Forwarded { cache: headers::EDGE_CACHE, reason, stored, collapsed: false, detail }
}

/// A response that everyone may share, as this caller wants it: without a body for `HEAD`, and as 304 when the caller has it
/// already. The directives meant for the edge stay here: a cache behind it knows nothing of generations.
#[must_use]
pub(crate) fn shared_response(
    request: &CacheRequest,
    status: u16,
    mut fields: Fields,
    body: Body,
    cache_status: &CacheStatus,
) -> EdgeResponse {
    fields.remove(&[headers::CDN_CACHE_CONTROL]);
    fields.append(headers::CACHE_STATUS, &cache_status.to_string());
    if status == 200 && is_not_modified(request.fields.get("if-none-match"), &fields) {
        remove_content_fields(&mut fields);
        return EdgeResponse { status: 304, fields, body: Body::Empty };
    }
    let body = if request.method == "HEAD" { Body::Empty } else { body };
    EdgeResponse { status, fields, body }
}

/// An error of the edge's own.
#[must_use]
pub(crate) fn problem_response(problem: &Problem, cache_status: Option<&CacheStatus>) -> EdgeResponse {
    let mut fields: Fields =
        [("content-type", problem::CONTENT_TYPE), ("cache-control", "no-store"), ("x-content-type-options", "nosniff")]
            .into_iter()
            .collect();
    if matches!(problem.status, 502 | 503) {
        fields.set("retry-after", RETRY_AFTER_SECS.to_string());
    }
    if let Some(cache_status) = cache_status {
        fields.append(headers::CACHE_STATUS, &cache_status.to_string());
    }
    let text = serde_json::to_string(problem).unwrap_or_default();
    EdgeResponse { status: problem.status, fields, body: Body::Text(text) }
}

/// What a caller is told that wants a stored response only, when there is none. No `Cache-Status` member: nothing was served from
/// the cache, nor was the request forwarded (RFC 9211 §2).
#[must_use]
pub(crate) fn not_cached() -> EdgeResponse {
    let detail = "The request says only-if-cached, and there is no stored response that it may have.";
    problem_response(&ProblemType::NotCached.with_detail(detail), None)
}

/// What a caller is told when the origin gave no usable response. A write that got none may still have taken effect.
#[must_use]
pub(crate) fn origin_problem(request: &CacheRequest, failure: &Failure) -> Problem {
    if matches!(failure, Failure::Status(_)) {
        return ProblemType::BadGateway.with_detail("The origin answered with something that is no HTTP response.");
    }
    ProblemType::Unavailable.with_detail(if request.is_safe() {
        "The origin cannot be reached, and there is no stored response to give instead."
    } else {
        "The origin did not answer. Whether the request took effect is unknown; operations may be sent again."
    })
}
