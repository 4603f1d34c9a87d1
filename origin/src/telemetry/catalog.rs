//! Every metric that there is, with what it says: for `/metrics`, and for the tests that hold the documents and the dashboard against it.
//! Not where each is recorded.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

/// How a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, from 0 when the process starts.
    Counter,
    /// As it is now.
    Gauge,
    /// Seconds, in buckets.
    Seconds,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// As Prometheus has it.
    pub name: &'static str,
    /// How it counts.
    pub kind: Kind,
    /// What it counts, by which labels.
    pub help: &'static str,
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, help }
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, help }
}

const fn seconds(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Seconds, help }
}

/// All of them.
pub const METRICS: &[Metric] = &[
    counter("kairos_http_requests_total", "Requests answered, by route, method and status."),
    seconds("kairos_http_request_seconds", "How long they took, by route, method and status."),
    counter(
        "kairos_cache_requests_total",
        "Reads by tier (memory, redis, store), policy and result (hit, stale, miss, bypass).",
    ),
    counter("kairos_cache_refreshes_total", "Responses loaded anew behind what was given, by policy and why."),
    counter("kairos_cache_leases_total", "Leases asked for across instances, by policy and result."),
    gauge("kairos_memory_cache_bytes", "Bytes of stored responses in this process."),
    gauge("kairos_memory_cache_entries", "Stored responses in this process."),
    seconds("kairos_store_seconds", "How long the store took, by operation."),
    counter(
        "kairos_store_failures_total",
        "Requests that the store failed, by kind (unavailable, unanswered, corrupt).",
    ),
    seconds("kairos_redis_seconds", "How long Redis took, by kind (numbers, responses)."),
    counter("kairos_redis_failures_total", "Commands that Redis failed or did not answer in time, by kind."),
    gauge("kairos_breaker_state", "A dependency's breaker: 0 closed, 1 half-open, 2 open."),
    gauge("kairos_loads_limit", "Loads from the store that may be under way at once: it adapts."),
    counter("kairos_loads_refused_total", "Loads that were refused, as they would have waited for too long."),
    counter(
        "kairos_passwords_refused_total",
        "Sign-ins and registrations that found the line full, or waited in it for too long.",
    ),
    counter("kairos_rate_limited_total", "Requests that came too often, by limit."),
    seconds("kairos_staleness_seconds", "By how much sampled responses were older than the store."),
    counter("kairos_staleness_samples_total", "Responses compared with the store, by result."),
    gauge("kairos_event_streams", "Streams of events that are open."),
    counter("kairos_tutor_answers_total", "Answers of the tutor, by source."),
    seconds("kairos_tutor_answer_seconds", "How long who asked waited, by source."),
    counter("kairos_tutor_failures_total", "Answers that a model did not give, by model and reason."),
    counter("kairos_tutor_shed_total", "Questions that found all places taken, and got passages."),
    gauge("kairos_signing_keys", "Signing keys that this process knows."),
    counter("kairos_signing_key_lookups_total", "Look-ups of the signing keys, by why (time, unknown)."),
    gauge("kairos_verified_tokens", "Access tokens whose signature need not be checked again."),
    counter("kairos_log_lines_dropped_total", "Log lines that nobody read fast enough."),
    gauge("kairos_build_info", "1, with the version of this process."),
];

/// Tells the recorder what they are. Those without labels are there from the beginning.
pub(super) fn describe() {
    for Metric { name, kind, help } in METRICS.iter().copied() {
        match kind {
            Kind::Counter => describe_counter!(name, help),
            Kind::Gauge => describe_gauge!(name, help),
            Kind::Seconds => describe_histogram!(name, Unit::Seconds, help),
        }
    }
    for name in ["kairos_loads_refused_total", "kairos_passwords_refused_total", "kairos_tutor_shed_total"] {
        counter!(name).increment(0);
    }
    counter!("kairos_log_lines_dropped_total").increment(0);
    gauge!("kairos_event_streams").increment(0.0);
    gauge!("kairos_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}
