//! Stands before a server, so that whoever goes through here finds it slow, frozen, stopped or breaking its connections. Not a server by
//! itself, and nothing that looks into what it passes on (that is [`crate::failing_mongo::Relay`]).

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// Chunks that are on their way in one direction, at most.
const IN_FLIGHT: usize = 256;

/// What happens to those who go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Pass,
    /// Each byte is late by so much, in each direction.
    Slow(Duration),
    /// Connections are taken and stay open, and no byte moves until the mode is another: then all of them do.
    Frozen,
    /// Connections are closed, and new ones refused.
    Stopped,
    /// Connections are reset, new ones as soon as they are there.
    Reset,
}

/// A proxy to one server. It ends when this is dropped.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
    /// Bound and never listening: nobody else gets the port while it is stopped.
    _reserved: TcpSocket,
}

struct State {
    mode: watch::Sender<Mode>,
    /// Wakes every connection, to be reset.
    breaking: Notify,
}

impl Proxy {
    /// Listens on a free port for connections to `server_port`.
    ///
    /// # Errors
    /// The system gives no port.
    pub async fn start(server_port: u16) -> Result<Self> {
        let reserved = socket((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = reserved.local_addr()?;
        let state = Arc::new(State { mode: watch::channel(Mode::Pass).0, breaking: Notify::new() });
        let listener = listen(address)?;
        let serving = tokio::spawn(serve(listener, server_port, Arc::clone(&state)));
        Ok(Self { address, state, serving, _reserved: reserved })
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on.
    pub fn set(&self, mode: Mode) {
        self.state.mode.send_replace(mode);
    }

    /// Resets the connections that there are.
    pub fn reset_connections(&self) {
        self.state.breaking.notify_waiters();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
        self.state.breaking.notify_waiters();
    }
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    socket(address)?.listen(1_024)
}

async fn serve(listener: TcpListener, server_port: u16, state: Arc<State>) {
    let (Ok(address), mut mode) = (listener.local_addr(), state.mode.subscribe()) else { return };
    let mut listening = Some(listener);
    loop {
        let Some(listener) = listening.as_ref() else {
            // The sender lives as long as the state.
            let _ = mode.wait_for(|mode| *mode != Mode::Stopped).await;
            listening = listen(address).ok();
            continue;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => Some(accepted),
            _ = mode.wait_for(|mode| *mode == Mode::Stopped) => None,
        };
        match accepted {
            Some(Ok((client, _))) => drop(tokio::spawn(join(client, server_port, Arc::clone(&state)))),
            Some(Err(_)) => {}
            None => listening = None,
        }
    }
}

async fn join(client: TcpStream, server_port: u16, state: Arc<State>) {
    let (breaking, mut mode) = (state.breaking.notified(), state.mode.subscribe());
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server_port)).await else { return };
    // Best effort: without it a proxy is a little slower.
    let _ = client.set_nodelay(true).and(server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let is_reset = tokio::select! {
        () = breaking => true,
        mode = mode.wait_for(|mode| matches!(mode, Mode::Stopped | Mode::Reset)) => mode.is_ok_and(|mode| *mode == Mode::Reset),
        () = carry(&mut from_client, &mut to_server, &state.mode) => false,
        () = carry(&mut from_server, &mut to_client, &state.mode) => false,
    };
    if is_reset {
        // Whoever is gone already needs no reset.
        let _ = from_client.as_ref().set_zero_linger().and(from_server.as_ref().set_zero_linger());
    }
}

/// Carries bytes until either end closes. Each chunk is late by itself: a slow line is not a narrow one.
async fn carry(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, mode: &watch::Sender<Mode>) {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Vec<u8>)>(IN_FLIGHT);
    let reading = async {
        loop {
            let mut chunk = vec![0; 16 * 1024];
            let Ok(length @ 1..) = from.read(&mut chunk).await else { return };
            chunk.truncate(length);
            let late = if let Mode::Slow(late) = *mode.borrow() { late } else { Duration::ZERO };
            if sender.send((Instant::now() + late, chunk)).await.is_err() {
                return;
            }
        }
    };
    let writing = async {
        while let Some((due, chunk)) = receiver.recv().await {
            sleep_until(due).await;
            let thawed = mode.subscribe().wait_for(|mode| *mode != Mode::Frozen).await.is_ok();
            if !thawed || to.write_all(&chunk).await.is_err() {
                return;
            }
        }
    };
    tokio::select! { () = reading => {}, () = writing => {} }
}
