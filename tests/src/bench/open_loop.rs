//! A load that does not wait for its server: requests leave when they are due, however long others take. What closed loops such as
//! wrk's cannot show, since they slow down with the server. Not for rates near what a machine can do at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

/// How long a response is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest head and body that are read.
const BUFFER_BYTES: usize = 64 * 1024;

/// What became of one request: when it was due, how long after that the response was whole, and its status (0: none).
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) due: Instant,
    pub(super) took: Duration,
    pub(super) status: u16,
}

/// Sends `requests`, one after the other, over and over, `per_sec` a second for `lasting`, on `connections`.
pub(super) async fn run(
    port: u16,
    requests: Arc<[Vec<u8>]>,
    per_sec: f64,
    lasting: Duration,
    connections: usize,
) -> Result<Vec<Answered>> {
    let (next, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
    let began = Instant::now();
    let last = (per_sec * lasting.as_secs_f64()) as u64;
    let sending: Vec<_> = (0..connections)
        .map(|_| {
            let (requests, next, answered) = (Arc::clone(&requests), Arc::clone(&next), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut stream = None;
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= last {
                        return;
                    }
                    let due = began + Duration::from_secs_f64(number as f64 / per_sec);
                    sleep_until(due).await;
                    let Some(request) = requests.get(number as usize % requests.len()) else { return };
                    let status = timeout(PATIENCE, ask(&mut stream, port, request)).await.ok().flatten();
                    if status.is_none() {
                        stream = None;
                    }
                    answered.lock().push(Answered { due, took: due.elapsed(), status: status.unwrap_or_default() });
                }
            })
        })
        .collect();
    for one in sending {
        one.await?;
    }
    let mut answered = std::mem::take(&mut *answered.lock());
    answered.sort_by_key(|answered| answered.due);
    Ok(answered)
}

/// The status of the response, once it is whole; `None` when the connection breaks.
async fn ask(stream: &mut Option<TcpStream>, port: u16, request: &[u8]) -> Option<u16> {
    let stream = match stream {
        Some(stream) => stream,
        None => stream.insert(TcpStream::connect(("127.0.0.1", port)).await.ok()?),
    };
    stream.write_all(request).await.ok()?;
    let mut buffer = Vec::with_capacity(1_024);
    loop {
        if stream.read_buf(&mut buffer).await.ok()? == 0 || buffer.len() > BUFFER_BYTES {
            return None;
        }
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(buffer.get(..end)?).ok()?.to_ascii_lowercase();
        let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length:"))?.trim().parse().ok()?;
        if buffer.len() >= end + 4 + length {
            return head.split(' ').nth(1)?.parse().ok();
        }
    }
}

/// The `share` (0.95) of the times of those with a status below 400, in milliseconds.
pub(super) fn percentile_ms<'a>(answered: impl IntoIterator<Item = &'a Answered>, share: f64) -> f64 {
    let mut times: Vec<f64> =
        answered.into_iter().filter(|a| (200..400).contains(&a.status)).map(|a| a.took.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let index = (times.len() as f64 * share) as usize;
    times.get(index.min(times.len().saturating_sub(1))).copied().unwrap_or(f64::INFINITY)
}
