//! Traces at a collector, and what happens without one. A process of its own: what it logs to is set up once. Needs the feature `otlp`:
//! `cargo test --workspace --features kairos-tests/otlp --test otlp`.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use kairos_origin::telemetry::LogFormat;
use kairos_origin::telemetry::otlp::log_and_trace;
use kairos_protocol::api::paths;
use kairos_tests::origin::TestOrigin;
use reqwest::Method;
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
/// More than wait in the queue.
const MANY: usize = 6_000;

/// The memory that this process has now, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_reach_a_collector_and_one_that_hangs_holds_up_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sent, mut received) = unbounded_channel();
    let (hang, is_hanging) = tokio::sync::watch::channel(false);
    let collect = move |headers: HeaderMap, body: Bytes| {
        let (sent, mut is_hanging) = (sent.clone(), is_hanging.clone());
        async move {
            let _ = is_hanging.wait_for(|is_hanging| !is_hanging).await;
            assert_eq!(headers["content-type"], "application/x-protobuf");
            let _ = sent.send(body);
        }
    };
    let collector = Router::new().route("/v1/traces", post(collect));
    tokio::spawn(async { axum::serve(listener, collector).await });

    let log = log_and_trace(LogFormat::Json, "off", &endpoint).unwrap();
    let origin = TestOrigin::builder().start().await.unwrap();
    let author = origin.author().await;
    origin.publish(&author, &["vary"]).await;
    let request = origin.request(Method::GET, &paths::module("vary"));
    let reply = origin.send(request.header("traceparent", format!("00-{TRACE}-{CALLER}-01"))).await;
    assert_eq!(reply.status, 200);
    // Batches go out every few seconds; the request is in one of them.
    let (trace, parent) = (hex(TRACE), hex(CALLER));
    let batch = loop {
        let batch = timeout(Duration::from_secs(60), received.recv()).await.unwrap().unwrap();
        if has(&batch, &trace) {
            break batch;
        }
    };
    for part in ["kairos-origin", "GET /v1/modules/{slug}", "modules.find", "http.response.status_code"] {
        assert!(has(&batch, part.as_bytes()), "{part}: {}", String::from_utf8_lossy(&batch));
    }
    assert!(has(&batch, &parent), "the caller's span is the parent");
    assert!(!has(&batch, b"secret"), "{}", String::from_utf8_lossy(&batch));

    // A collector that never answers: each request is answered, and what waits has an end.
    hang.send_replace(true);
    let ask = async || assert_eq!(origin.get("/v1/nothing?word=secret").await.status, 404);
    for _ in 0..MANY / 2 {
        ask().await;
    }
    let (before, began) = (resident_kib(), Instant::now());
    for _ in 0..MANY {
        ask().await;
    }
    let grown = resident_kib().saturating_sub(before);
    println!("{MANY} requests while the collector hangs: {:?}, {grown} KiB more", began.elapsed());
    assert!(grown < 16 * 1024, "{grown} KiB");
    let began = Instant::now();
    drop(log);
    assert!(began.elapsed() < Duration::from_secs(20), "it stops all the same");
    hang.send_replace(false);
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}
