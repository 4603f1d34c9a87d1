//! Connections: accepts them, speaks HTTP/1.1 on each within bounds, and lets them finish when the process is told to stop. Not what
//! is answered ([`crate::service`]).

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use hyper::Method;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use kairos_protocol::api::paths;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::extract::PeerAddress;
use crate::service::Service;

/// Bytes that a request's head has at most.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The pause after the system gave no connection: most likely there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How long connections are waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long one may be open without a whole request head: it is idle, or sends one too slowly.
    pub head: Duration,
    /// How long requests under way may take when the process is told to stop.
    pub grace: Duration,
}

impl Default for Patience {
    /// 75 s, a little longer than what usually stands in front holds its connections (60 s); and 10 s, which a supervisor grants.
    fn default() -> Self {
        Self { head: Duration::from_secs(75), grace: Duration::from_secs(10) }
    }
}

/// Serves until `told` is done; then refuses new connections and finishes what is under way, for at most the patience's grace. Run it without a budget
/// ([`tokio::task::unconstrained`]): each time it gets its turn it accepts all who wait, else a thousand busy connections would keep
/// the next thousand out for seconds.
pub async fn serve(listener: TcpListener, service: Service, told: impl Future<Output = ()>, patience: Patience) {
    let connections = GracefulShutdown::new();
    let mut told = pin!(told);
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = listener.accept() => accepted,
            () = &mut told => break,
        };
        match accepted {
            Ok((stream, peer)) => speak(stream, peer, service.clone(), &connections, patience.head),
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection could be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Who comes from now on is refused by the system, and goes to another instance.
    drop(listener);
    tracing::info!("stopping; finishing what is under way");
    if timeout(patience.grace, connections.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

fn speak(
    stream: TcpStream,
    peer: SocketAddr,
    service: Service,
    connections: &GracefulShutdown,
    head_timeout: Duration,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection without TCP_NODELAY");
    }
    let answer = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        // Reads are not limited by where they come from: they go without the allocation. Streams are no such reads.
        if request.method() != Method::GET || request.uri().path() == paths::EVENTS {
            request.extensions_mut().insert(PeerAddress(peer));
        }
        let service = service.clone();
        async move { service.respond(request.map(Body::new)).await }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head_timeout).max_buf_size(MAX_HEAD_BYTES);
    let connection = connections.watch(http.serve_connection(TokioIo::new(stream), answer));
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}

/// The connection was gone before it was accepted.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
