//! What is known of every request: its id, and how often and how long, by route, method and status. Handles of metrics are made once
//! per series. Not the log line.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use kairos_protocol::policy::Policy;
use metrics::{Counter, Histogram};
use parking_lot::RwLock;

use super::trace_context::{TraceContext, TraceId};
use crate::environment::Environment;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Ids of requests: eight hexadecimal digits that the process drew when it started, then as many that count.
pub struct RequestIds {
    process: u32,
    /// How ids of traces begin that are begun here.
    trace: u64,
    next: AtomicU32,
}

impl RequestIds {
    /// Ids of another process than any before.
    #[must_use]
    pub fn new(environment: &Environment) -> Self {
        let (mut process, mut trace) = ([0; 4], [0; 8]);
        environment.entropy.fill(&mut process);
        environment.entropy.fill(&mut trace);
        Self { process: u32::from_be_bytes(process), trace: u64::from_be_bytes(trace), next: AtomicU32::new(0) }
    }

    /// The span of the request with this `id`, in the trace of its `caller` or in one that begins with it.
    #[must_use]
    pub fn context(&self, id: &RequestId, caller: Option<TraceContext>) -> TraceContext {
        let span = u64::from_str_radix(id.as_str(), 16).unwrap_or(0).max(1);
        let begun =
            TraceContext { trace: TraceId((u128::from(self.trace) << 64) | u128::from(span)), span, is_sampled: false };
        caller.map_or(begun, |caller| TraceContext { span, ..caller })
    }

    /// The next one.
    pub fn next(&self) -> RequestId {
        let counted = self.next.fetch_add(1, Ordering::Relaxed);
        let mut digits = [0; 16];
        let number = (u64::from(self.process) << 32) | u64::from(counted);
        for (digit, shift) in digits.iter_mut().zip((0..16).rev()) {
            let value = (number >> (shift * 4)) & 0xf;
            *digit = b"0123456789abcdef".get(usize::try_from(value).unwrap_or(0)).copied().unwrap_or(b'0');
        }
        RequestId(digits)
    }
}

/// The id of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId([u8; 16]);

impl RequestId {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Writes what every response has.
pub fn write_common(headers: &mut HeaderMap, id: &RequestId) {
    if let Ok(id) = HeaderValue::from_bytes(&id.0) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Counts requests and their time.
pub struct RequestMetrics {
    /// Of reads that are answered before they are routed, by policy.
    unrouted: Vec<(Policy, Unrouted)>,
    routes: RwLock<HashMap<String, ByMethodAndStatus>>,
}

struct Unrouted {
    ok: Series,
    not_modified: Series,
    unavailable: Series,
}

type ByMethodAndStatus = HashMap<(&'static str, u16), Series>;

#[derive(Clone)]
struct Series {
    requests: Counter,
    seconds: Histogram,
}

impl Series {
    fn new(route: &str, method: &'static str, status: u16) -> Self {
        let labels = [("route", route.to_owned()), ("method", method.to_owned()), ("status", status.to_string())];
        Self {
            requests: metrics::counter!("kairos_http_requests_total", &labels),
            seconds: metrics::histogram!("kairos_http_request_seconds", &labels),
        }
    }

    fn record(&self, took: Duration) {
        self.requests.increment(1);
        self.seconds.record(took.as_secs_f64());
    }
}

impl Default for RequestMetrics {
    fn default() -> Self {
        let series = |policy: Policy| {
            let path = policy.path()?;
            let of = |status: StatusCode| Series::new(path, "GET", status.as_u16());
            let (ok, not_modified) = (of(StatusCode::OK), of(StatusCode::NOT_MODIFIED));
            Some((policy, Unrouted { ok, not_modified, unavailable: of(StatusCode::SERVICE_UNAVAILABLE) }))
        };
        let unrouted = Policy::ALL.iter().copied().filter_map(series).collect();
        Self { unrouted, routes: RwLock::default() }
    }
}

impl RequestMetrics {
    /// A `GET` was answered before it was routed: by what is stored, or by why there is nothing.
    pub fn record_unrouted(&self, policy: Policy, status: StatusCode, took: Duration) {
        let Some((_, series)) = self.unrouted.iter().find(|(of, _)| *of == policy) else { return };
        let series = match status {
            StatusCode::OK => &series.ok,
            StatusCode::NOT_MODIFIED => &series.not_modified,
            _ => &series.unavailable,
        };
        series.record(took);
    }

    /// A request was answered by `route`.
    pub fn record(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        let key = (known(method), status.as_u16());
        let there = self.routes.read().get(route).and_then(|series| series.get(&key)).cloned();
        let series = there.unwrap_or_else(|| {
            let mut routes = self.routes.write();
            let series = routes.entry(route.to_owned()).or_default();
            series.entry(key).or_insert_with(|| Series::new(route, key.0, key.1)).clone()
        });
        series.record(took);
    }
}

/// The method as a label. Those that callers make up share one: a series, once counted, is there for good.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sixteen_digits_and_count() {
        let ids = RequestIds { process: 0x0a1b_2c3d, trace: 0, next: AtomicU32::new(0xfe) };
        assert_eq!(
            [ids.next(), ids.next(), ids.next()].map(|id| id.as_str().to_owned()),
            ["0a1b2c3d000000fe", "0a1b2c3d000000ff", "0a1b2c3d00000100"]
        );
    }
}
