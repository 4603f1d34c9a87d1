//! Metrics where nobody scrapes them. A process of its own, as its memory is measured.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::time::Duration;

use kairos_origin::telemetry;
use tokio::sync::mpsc;

/// The memory that this process has now, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn requests_that_nobody_asks_about_are_not_stored_one_by_one() {
    let metrics = telemetry::record_metrics().unwrap();
    let (ticked, mut ticks) = mpsc::unbounded_channel();
    // Asked for how many lines were dropped once the samples are in their buckets.
    let dropped_lines = move || {
        let _ = ticked.send(());
        7
    };
    let upkeep = tokio::spawn(telemetry::keep_up(metrics.clone(), Duration::from_millis(20), dropped_lines));
    let before = resident_kib();
    for _ in 0..40 {
        for _ in 0..250_000 {
            metrics::histogram!("kairos_http_request_seconds", "route" => "/v1/modules").record(0.003);
        }
        ticks.recv().await.unwrap();
    }
    let grown = resident_kib().saturating_sub(before);
    println!("10,000,000 samples: {grown} KiB more");
    assert!(grown < 40 * 1024, "{grown} KiB");
    upkeep.abort();
    let shown = metrics.render();
    assert!(shown.contains("kairos_http_request_seconds_count{route=\"/v1/modules\"} 10000000"), "{shown}");
    assert!(shown.contains("kairos_log_lines_dropped_total 7"), "{shown}");
}
