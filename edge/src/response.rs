//! What the caller gets to see of an answer: which fields, with which age and status. Pure but for the body it carries along; not
//! which answer it is ([`crate::handler`]).

use kairos_protocol::api::headers;
use kairos_protocol::api::problem::{self, Problem, ProblemType};
use kairos_protocol::http::cache_status::{CacheStatus, Forward};
use kairos_protocol::http::validator::none_match_names;

use crate::fields::Fields;
use crate::platform::{Body, EdgeResponse};
use crate::route::CacheRequest;

/// Seconds after which a caller may try again when the origin is down.
const RETRY_AFTER_SECS: u32 = 5;

/// Fields of a 304 (RFC 9110 §15.4.5): what describes the body it does not have is left out.
const NOT_IN_304: &[&str] = &["content-encoding", "content-length", "content-type", "content-range"];

/// The `Cache-Status` member of an answer from the store.
#[must_use]
pub(crate) fn hit(ttl_secs: i64, detail: Option<&'static str>) -> CacheStatus {
    CacheStatus::Hit { cache: headers::EDGE_CACHE, ttl_secs, detail }
}

/// The `Cache-Status` member of an answer from the origin.
#[must_use]
pub(crate) fn forwarded(reason: Forward, stored: bool, detail: Option<&'static str>) -> CacheStatus {
    CacheStatus::Forwarded { cache: headers::EDGE_CACHE, reason, stored, collapsed: false, detail }
}

/// An answer that everyone may share, as this caller wants it: without a body for `HEAD`, and as 304 when the caller has it
/// already. The directives meant for the edge stay here: a cache behind it knows nothing of generations.
#[must_use]
pub(crate) fn shared_response(
    request: &CacheRequest,
    status: u16,
    mut fields: Fields,
    body: Body,
    member: &CacheStatus,
) -> EdgeResponse {
    fields.remove(&[headers::CDN_CACHE_CONTROL]);
    fields.append(headers::CACHE_STATUS, &member.to_string());
    let wanted = request.fields.get("if-none-match");
    let caller_has_it = wanted.zip(fields.get("etag")).is_some_and(|(list, tag)| none_match_names(list, tag));
    if status == 200 && caller_has_it {
        fields.remove(NOT_IN_304);
        return EdgeResponse { status: 304, fields, body: Body::Empty };
    }
    let body = if request.method == "HEAD" { Body::Empty } else { body };
    EdgeResponse { status, fields, body }
}

/// An error of the edge's own.
#[must_use]
pub(crate) fn problem_response(problem: &Problem, member: Option<&CacheStatus>) -> EdgeResponse {
    let mut fields: Fields =
        [("content-type", problem::CONTENT_TYPE), ("cache-control", "no-store"), ("x-content-type-options", "nosniff")]
            .into_iter()
            .collect();
    if matches!(problem.status, 502 | 503) {
        fields.set("retry-after", RETRY_AFTER_SECS.to_string());
    }
    if let Some(member) = member {
        fields.append(headers::CACHE_STATUS, &member.to_string());
    }
    let text = serde_json::to_string(problem).unwrap_or_default();
    EdgeResponse { status: problem.status, fields, body: Body::Text(text) }
}

/// What a caller is told that wants a stored answer only, when there is none. No cache member: it is no stored answer, nor was
/// anybody asked (RFC 9211 §2).
#[must_use]
pub(crate) fn not_cached() -> EdgeResponse {
    let detail = "The request says only-if-cached, and there is no stored answer that it may have.";
    problem_response(&ProblemType::NotCached.with_detail(detail), None)
}

/// What a caller is told when the origin gave no usable answer. A write that got none may still have taken effect.
#[must_use]
pub(crate) fn origin_problem(request: &CacheRequest, status_was_unusable: bool) -> Problem {
    if status_was_unusable {
        return ProblemType::BadGateway.with_detail("The origin answered with something that is no HTTP answer.");
    }
    ProblemType::Unavailable.with_detail(if request.is_read() {
        "The origin cannot be reached, and there is no copy to give instead."
    } else {
        "The origin did not answer. Whether the request took effect is unknown; operations may be sent again."
    })
}
