//! What is known of the request that a task works for: its trace, and the time that the store took. It goes along to the tasks that are
//! started for the request ([`carried`]). Not for the quick way of what memory has, which has none of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::Either;
use http::{HeaderMap, HeaderName, HeaderValue};
use kairos_protocol::api::headers::CACHE_STATUS;
use tracing::Instrument;

use super::trace_context::TraceContext;

/// Spans with this target are for traces, not for the log.
pub const TRACES: &str = "kairos_origin::traces";
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

tokio::task_local! {
    static CURRENT: Arc<RequestTrace>;
}

/// One request's.
#[derive(Debug)]
pub struct RequestTrace {
    context: TraceContext,
    store_micros: AtomicU64,
}

impl RequestTrace {
    /// A request of `context`.
    #[must_use]
    pub fn new(context: TraceContext) -> Arc<Self> {
        Arc::new(Self { context, store_micros: AtomicU64::new(0) })
    }

    /// Works for this request.
    pub fn work<F: Future>(self: &Arc<Self>, work: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(Arc::clone(self), work)
    }

    /// Writes what took how long (`Server-Timing`): which cache answered, the store's operations added up, and `total`.
    pub fn write_timing(&self, headers: &mut HeaderMap, total: Duration) {
        let mut parts = Vec::with_capacity(3);
        let status = headers.get(CACHE_STATUS).and_then(|status| status.to_str().ok());
        if let Some(outcome) = status.and_then(cache_outcome) {
            parts.push(format!("cache;desc=\"{outcome}\""));
        }
        let store = Duration::from_micros(self.store_micros.load(Ordering::Relaxed));
        if !store.is_zero() {
            parts.push(format!("db;dur={:.1}", millis(store)));
        }
        parts.push(format!("total;dur={:.1}", millis(total)));
        if let Ok(value) = HeaderValue::from_str(&parts.join(", ")) {
            headers.insert(SERVER_TIMING, value);
        }
    }
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

/// Of a `Cache-Status` (RFC 9211) of ours: `hit memory`, `hit redis`, `miss`, `stale`, `bypass`.
fn cache_outcome(status: &str) -> Option<String> {
    let mut parameters = status.split("; ").skip(1);
    let value = |name: &str| status.split("; ").find_map(|part| part.strip_prefix(name));
    if parameters.any(|parameter| parameter == "hit") {
        return Some(value("detail=").map_or("hit".to_owned(), |tier| format!("hit {tier}")));
    }
    value("fwd=").map(str::to_owned)
}

/// `traceparent` for whoever is asked on behalf of the request.
#[must_use]
pub fn traceparent() -> Option<HeaderValue> {
    CURRENT.try_with(|request| request.context.to_header()).ok().flatten()
}

/// The store took that long for the request, if it is for one.
pub fn add_store_time(took: Duration) {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let _ = CURRENT.try_with(|request| request.store_micros.fetch_add(micros, Ordering::Relaxed));
}

/// `work`, to be done on another task for the same request: in its trace and its span of the log.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> + use<F> {
    let work = work.in_current_span();
    match CURRENT.try_with(Arc::clone) {
        Ok(request) => Either::Left(CURRENT.scope(request, work)),
        Err(_) => Either::Right(work),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_is_that_of_the_cache_status() {
        for (status, outcome) in [
            ("kairos-origin; hit; ttl=300; detail=memory", Some("hit memory")),
            ("kairos-origin; hit; ttl=-3", Some("hit")),
            ("kairos-origin; fwd=uri-miss; stored", Some("uri-miss")),
            ("kairos-origin", None),
        ] {
            assert_eq!(cache_outcome(status).as_deref(), outcome, "{status}");
        }
    }
}
