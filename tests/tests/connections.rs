//! Connections: heads and bodies that arrive too slowly, and what becomes of those that are open when the origin is told to stop. What is
//! wrong with a request that arrived: `bad_input.rs`.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::time::{Duration, Instant};

use kairos_origin::server::Patience;
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::{Problem, ProblemType};
use kairos_tests::origin::TestOrigin;
use kairos_tests::reply::Reply;
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const SHORT: Duration = Duration::from_millis(300);
/// Longer than anything here takes on a busy machine, and shorter than what is usual.
const SOON: Duration = Duration::from_secs(60);

async fn origin(patience: Patience) -> TestOrigin {
    TestOrigin::builder().with_patience(patience).start().await.unwrap()
}

/// All that comes until the origin closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_head_that_does_not_arrive_is_not_waited_for() {
    let origin = origin(Patience { head: SHORT, ..Patience::default() }).await;
    for begun in ["", "GET /v1/modules HTTP/1.1\r\nhost: x\r\n"] {
        let mut stream = TcpStream::connect(origin.address()).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        let response = rest(stream).await;
        assert!(response.is_empty() || response.starts_with("HTTP/1.1 408 "), "{begun:?}: {response}");
    }
    // A byte now and then does not help.
    let mut stream = TcpStream::connect(origin.address()).await.unwrap();
    let began = Instant::now();
    while stream.write_all(b"G").await.is_ok() {
        assert!(began.elapsed() < SOON, "it still reads");
        sleep(SHORT / 10).await;
    }
    let _ = origin.get(paths::MODULES).await.expect(200);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_told_so() {
    let origin = origin(Patience::default()).await;
    let head = "POST /v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"email\"";
    let mut stream = TcpStream::connect(origin.address()).await.unwrap();
    let began = Instant::now();
    stream.write_all(head.as_bytes()).await.unwrap();
    let response = rest(stream).await;
    assert!(began.elapsed() >= Duration::from_secs(9), "{:?}", began.elapsed());
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    assert!(head.starts_with("http/1.1 408 ") && head.contains("\r\nconnection: close"), "{head}");
    assert!(head.contains("\r\ncontent-type: application/problem+json"), "{head}");
    let problem: Problem = serde_json::from_str(body).unwrap();
    assert_eq!((problem.uri.as_str(), problem.status), (ProblemType::RequestTimeout.uri(), 408));
}

/// A read that the store has not answered yet, and will when it is repaired.
async fn stalled(origin: &TestOrigin) -> tokio::task::JoinHandle<reqwest::Result<reqwest::Response>> {
    origin.store.stall();
    let asking = tokio::spawn(origin.request(Method::GET, paths::MODULES).send());
    origin.store.waited_for().await;
    asking
}

#[tokio::test]
async fn what_is_under_way_is_answered_and_nobody_else_is_let_in() {
    let mut origin = origin(Patience { grace: SOON, ..Patience::default() }).await;
    let asking = stalled(&origin).await;
    origin.tell_to_stop();
    let began = Instant::now();
    while TcpStream::connect(origin.address()).await.is_ok() {
        assert!(began.elapsed() < SOON, "it still listens");
        sleep(Duration::from_millis(5)).await;
    }
    assert!(timeout(SHORT, origin.stopped()).await.is_err() && !asking.is_finished(), "it waits for the store");
    origin.store.repair();
    let _ = Reply::read(asking.await.unwrap().unwrap()).await.expect(200);
    timeout(SOON / 2, origin.stopped()).await.unwrap();
}

#[tokio::test]
async fn it_stops_in_time_whatever_is_under_way() {
    let mut origin = origin(Patience { grace: SHORT, ..Patience::default() }).await;
    let _asking = stalled(&origin).await;
    origin.tell_to_stop();
    // Before the request's own end, after 25 s.
    timeout(SOON / 4, origin.stopped()).await.unwrap();
}
