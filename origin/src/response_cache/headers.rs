//! The headers of responses: those that one has for itself, and, in one middleware, those that its policy gives it. Not here:
//! finding the response.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use kairos_protocol::api::headers::{CACHE_STATUS, CDN_CACHE_CONTROL, KAIROS_DEGRADED, KAIROS_GEN, KAIROS_POLICY};
use kairos_protocol::http::cache_status::CacheStatus;
use kairos_protocol::http::encoding::{Encoding, negotiate};
use kairos_protocol::http::validator::{entity_tag, none_match_names};
use kairos_protocol::policy::{Policy, Sharing};

use super::lookup::CacheRequest;
use super::stored_response::{Metadata, StoredResponse};

/// Writes what the response's [`Policy`] (an extension) says: `Cache-Control`, `CDN-Cache-Control`, `Kairos-Policy` and
/// `Vary`. A response without one, or that is for its caller alone, is `no-store`: nothing is cached that nobody said may be.
pub async fn write_cache_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let named = response.extensions().get::<Policy>().copied().unwrap_or(Policy::NoStore);
    let scope = response.extensions().get::<ResponseScope>().copied().unwrap_or_default();
    write_policy(response.headers_mut(), named, scope);
    response
}

/// The same, for a response with the policy `named` that is on no route's way.
pub(crate) fn write_policy(headers: &mut HeaderMap, named: Policy, scope: ResponseScope) {
    let policy = if scope == ResponseScope::Policy { named } else { Policy::NoStore };
    set(headers, CACHE_CONTROL, policy.cache_control());
    set(headers, HeaderName::from_static(KAIROS_POLICY), named.name());
    match policy.cdn_cache_control() {
        Some(value) => set(headers, HeaderName::from_static(CDN_CACHE_CONTROL), &value),
        None => {
            headers.remove(CDN_CACHE_CONTROL);
        }
    }
    headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    if named.sharing() == Sharing::Subject {
        headers.append(VARY, HeaderValue::from_name(AUTHORIZATION));
    }
}

/// Who may have a response, beside what its policy says of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseScope {
    /// Whoever its policy says.
    #[default]
    Policy,
    /// Its caller: nobody may store it.
    Caller,
    /// The same, and it is older than it should be.
    Degraded,
}

/// `stored`, as one caller gets it: in the coding that suits it best, or 304 when it has that already.
pub(super) fn respond(
    stored: &StoredResponse,
    policy: Policy,
    request: &CacheRequest,
    status: &CacheStatus,
    scope: ResponseScope,
) -> Response {
    let StoredResponse { metadata, body, .. } = stored;
    let (encoding, bytes) = body.in_coding(negotiate(request.accept_encoding.as_deref(), &body.codings()));
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    set(headers, HeaderName::from_static(CACHE_STATUS), &status.to_string());
    write_stored(headers, metadata, &body.hash, policy, encoding);
    if scope == ResponseScope::Degraded {
        headers.insert(KAIROS_DEGRADED, HeaderValue::from_static("stale"));
    }
    let tag = headers.get(ETAG).and_then(|tag| tag.to_str().ok());
    let named = request.if_none_match.as_deref();
    if named.zip(tag).is_some_and(|(named, tag)| none_match_names(named, tag)) {
        headers.remove(CONTENT_TYPE);
        headers.remove(CONTENT_ENCODING);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        *response.body_mut() = Body::from(bytes);
    }
    response.extensions_mut().insert(policy);
    response.extensions_mut().insert(scope);
    response
}

/// What a stored response in `encoding` says of itself.
pub(super) fn write_stored(
    headers: &mut HeaderMap,
    metadata: &Metadata,
    hash: &str,
    policy: Policy,
    encoding: Encoding,
) {
    if !metadata.generations.is_empty() {
        set(headers, HeaderName::from_static(KAIROS_GEN), &metadata.generations.to_string());
    }
    if policy.sharing() != Sharing::Nobody {
        set(headers, ETAG, &entity_tag(hash, encoding));
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if encoding != Encoding::Identity {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.token()));
    }
}

/// Sets a header to text of ours, which is always visible ASCII.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
