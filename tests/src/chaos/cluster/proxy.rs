//! Stands between one origin and Redis, so that this origin alone can be cut off: passes bytes on, late, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::chaos::options::FaultKind;

/// Chunks that are on their way in one direction, at most.
const IN_FLIGHT: usize = 256;

/// A proxy to one server. It ends when this is dropped.
pub(super) struct Proxy {
    port: u16,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    delay_ms: AtomicU64,
    is_cut: AtomicBool,
    /// Wakes every connection to break.
    breaking: Notify,
}

impl Proxy {
    /// Listens on a free port for connections to `server_port`.
    pub(super) async fn start(server_port: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let state = Arc::<State>::default();
        let accepting = tokio::spawn(accept(listener, server_port, Arc::clone(&state)));
        Ok(Self { port, state, accepting })
    }

    /// `redis://127.0.0.1:…`
    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Is slow by `delay_ms` in each direction, breaks every connection, or takes none any more.
    pub(super) fn inject(&self, kind: FaultKind, delay_ms: u64) {
        match kind {
            FaultKind::RedisSlow => self.state.delay_ms.store(delay_ms, Ordering::SeqCst),
            FaultKind::RedisCut => self.state.is_cut.store(true, Ordering::SeqCst),
            _ => {}
        }
        if kind != FaultKind::RedisSlow {
            self.state.breaking.notify_waiters();
        }
    }

    /// Passes everything on again.
    pub(super) fn recover(&self) {
        self.state.delay_ms.store(0, Ordering::SeqCst);
        self.state.is_cut.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.state.breaking.notify_waiters();
    }
}

async fn accept(listener: TcpListener, server_port: u16, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        // Dropped, it is closed; what was not read of it then makes that a reset.
        if !state.is_cut.load(Ordering::SeqCst) {
            tokio::spawn(join(client, server_port, Arc::clone(&state)));
        }
    }
}

async fn join(client: TcpStream, server_port: u16, state: Arc<State>) {
    let breaking = state.breaking.notified();
    let Ok(server) = TcpStream::connect(("127.0.0.1", server_port)).await else { return };
    // Best effort: without it a proxy is a little slower.
    let _ = client.set_nodelay(true).and(server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = breaking => {}
        () = carry(from_client, to_server, &state) => {}
        () = carry(from_server, to_client, &state) => {}
    }
}

/// Carries bytes until either end closes. Each chunk is late by itself: a slow line is not a narrow one.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State) {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Vec<u8>)>(IN_FLIGHT);
    let reading = async {
        loop {
            let mut chunk = vec![0; 16 * 1024];
            let Ok(length @ 1..) = from.read(&mut chunk).await else { return };
            chunk.truncate(length);
            let due = Instant::now() + Duration::from_millis(state.delay_ms.load(Ordering::Relaxed));
            if sender.send((due, chunk)).await.is_err() {
                return;
            }
        }
    };
    let writing = async {
        while let Some((due, chunk)) = receiver.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&chunk).await.is_err() {
                return;
            }
        }
    };
    tokio::select! { () = reading => {}, () = writing => {} }
}
