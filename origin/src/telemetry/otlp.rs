//! Traces, sent to an OpenTelemetry collector by HTTP (OTLP, protobuf): a span for each request that memory did not answer, and in it one
//! for each operation of the store. Behind the feature `otlp`. Which requests are sampled is for the caller's `traceparent` to say, else for
//! `OTEL_TRACES_SAMPLER`; all of them by default.
//!
//! A collector that is down or slow holds up nothing: spans wait in a queue of 2,048, for a thread of their own; what does not fit is
//! dropped.

use std::io::IsTerminal;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId as OtelTraceId, TraceState, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt as lines_format};

use super::log::{Log, LogFormat, start_writer};
use super::request_trace::TRACES;
use super::trace_context::{TraceContext, TraceId};

/// How long a collector may take for a batch.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a process that stops waits for the last batch.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// Where the spans go, below the address of the collector.
const PATH: &str = "/v1/traces";

/// What sends the traces. When it is dropped, what waits is sent, for a second at most.
struct Traces(SdkTracerProvider);

impl Drop for Traces {
    fn drop(&mut self) {
        let provider = self.0.clone();
        // A thread of its own: the client may not be dropped where tasks run.
        let _ = thread::spawn(move || provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT)).join();
    }
}

/// [`super::log_to_stderr`], and traces to the collector at `endpoint`.
///
/// # Errors
/// The filter or the address cannot be read. That nobody listens there is no error.
pub fn log_and_trace(format: LogFormat, filter: &str, endpoint: &str) -> anyhow::Result<Log> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("--log {filter}"))?;
    let url = format!("{}{PATH}", endpoint.trim_end_matches('/'));
    let provider = thread::spawn(move || provider(&url)).join().map_err(|_| anyhow!("the exporter died"))?;
    let provider = provider.context("--otlp-endpoint")?;
    let (lines, writer) = start_writer();
    let log = lines_format::layer().with_writer(lines).with_ansi(std::io::stderr().is_terminal());
    let log = match format {
        LogFormat::Text => log.boxed(),
        LogFormat::Json => log.json().boxed(),
    };
    let is_traced = |metadata: &Metadata<'_>| metadata.is_span() && metadata.target() == TRACES;
    let traces = tracing_opentelemetry::layer().with_tracer(provider.tracer("kairos-origin"));
    let traces = traces.with_location(false).with_threads(false).with_filter(filter_fn(is_traced));
    let _ = tracing_subscriber::registry().with(log.with_filter(filter)).with(traces).try_init();
    Ok(Log::new(writer, Traces(provider)))
}

fn provider(url: &str) -> anyhow::Result<SdkTracerProvider> {
    // What TLS computes with. Only the first in a process counts, and any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::blocking::Client::builder().no_proxy().timeout(EXPORT_TIMEOUT);
    // The certificates that the system trusts are only looked for where they are needed.
    let client = if url.starts_with("https:") { client } else { client.tls_certs_only([]) };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client.build()?)
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(EXPORT_TIMEOUT)
        .with_endpoint(url)
        .build()?;
    let service = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    // `OTEL_SERVICE_NAME` counts, where it is set.
    let service = match std::env::var_os("OTEL_SERVICE_NAME") {
        Some(_) => service,
        None => service.with_service_name("kairos-origin"),
    };
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(service.build()).build())
}

/// The context of `span`, as part of the trace of its `caller`, if it has one. `None` where spans are not exported.
pub(super) fn context(span: &Span, caller: Option<TraceContext>) -> Option<TraceContext> {
    if span.is_disabled() {
        return None;
    }
    if let Some(caller) = caller {
        let flags = if caller.is_sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let (trace, parent) = (OtelTraceId::from(caller.trace.0), SpanId::from(caller.span));
        let remote = SpanContext::new(trace, parent, flags, true, TraceState::default());
        let _ = span.set_parent(Context::new().with_remote_span_context(remote));
    }
    let context = span.context();
    let own = context.span().span_context().clone();
    own.is_valid().then(|| TraceContext {
        trace: TraceId(u128::from_be_bytes(own.trace_id().to_bytes())),
        span: u64::from_be_bytes(own.span_id().to_bytes()),
        is_sampled: own.is_sampled(),
    })
}
