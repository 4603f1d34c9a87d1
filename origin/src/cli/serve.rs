//! `kairos-origin serve`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::serve::ListenerExt;
use clap::Args;
use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::unconstrained;

use super::adapters::Adapters;
use super::output::say;
use super::tutor::TutorOptions;
use crate::environment::Environment;
use crate::routes;
use crate::state::AppState;
use crate::telemetry::{self, LogFormat, UPKEEP_PERIOD};

/// How long requests under way may take when the process is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Connections that the system has made and that this process has yet to accept. The system allows as many as its own limit
/// (`net.core.somaxconn`, 4,096 on Linux); whoever comes when there are more tries again after a second.
const BACKLOG: u32 = 16_384;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kairos-origin serve
  kairos-origin serve --listen 127.0.0.1:8080 --data school.db
  kairos-origin serve --mongodb-url mongodb://127.0.0.1:27017/kairos --redis-url redis://127.0.0.1:6379")]
/// Options of `serve`.
pub struct Serve {
    /// Address and port; port 0 takes a free one.
    #[arg(long, env = "KAIROS_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: String,
    #[command(flatten)]
    adapters: Adapters,
    #[command(flatten)]
    tutor: TutorOptions,
    /// How log lines look.
    #[arg(long, env = "KAIROS_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// What is logged, such as `warn` or `kairos_origin=debug`.
    #[arg(long, env = "KAIROS_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
}

impl Serve {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let log = telemetry::log_to_stderr(self.log_format, &self.log);
        let log = log.with_context(|| format!("--log {}", self.log))?;
        // Before the adapters, which report their state as they come up.
        let metrics = telemetry::record_metrics();
        if let Some(metrics) = metrics.clone() {
            tokio::spawn(telemetry::keep_up(metrics, UPKEEP_PERIOD, log.dropped()));
        }
        let environment = Environment::system();
        let tutor = self.tutor.config()?;
        let (store, cache) = self.adapters.open(&environment).await?;
        let listener = listen(&self.listen)
            .await
            .with_context(|| format!("cannot listen on {}; choose another with --listen", self.listen))?;
        let address = listener.local_addr().context("the listener has no address")?;
        let state = AppState::assemble(store, cache, environment, metrics, tutor)
            .await
            .map_err(|error| anyhow::anyhow!("{}", error.cause.unwrap_or(error.problem.detail)))
            .context("the service cannot be put together")?;

        // Before the line that says it is ready: from then on it can be told to stop.
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        say(&format!("kairos-origin listens on http://{address} ({})", self.adapters.describe()));
        serve_until_told(listener, state, interrupt, terminate).await
    }
}

/// Listens on the first of the addresses that `host` has that can be had.
async fn listen(host: &str) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "no address has that name");
    for address in lookup_host(host).await? {
        match listen_on(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As `TcpListener::bind` has it: a restart does not wait for what is left of the connections before.
    socket.set_reuseaddr(cfg!(unix))?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until SIGINT or SIGTERM; then finishes what is under way, for at most [`GRACE`].
async fn serve_until_told(
    listener: TcpListener,
    state: AppState,
    mut interrupt: Signal,
    mut terminate: Signal,
) -> anyhow::Result<()> {
    let (told, stop) = oneshot::channel::<()>();
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection without TCP_NODELAY");
        }
    });
    let stopping = async move {
        // Either way, the sender being gone means the same.
        let _ = stop.await;
    };
    let server = axum::serve(listener, routes::router(state)).with_graceful_shutdown(stopping);
    // Each time it gets its turn it accepts all who wait. With the usual budget, 128 a turn, a thousand busy connections would keep
    // the next thousand out for seconds.
    let mut server = tokio::spawn(unconstrained(server.into_future()));
    tokio::select! {
        ended = &mut server => return Ok(ended??),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping; finishing what is under way");
    drop(told);
    match tokio::time::timeout(GRACE, server).await {
        Ok(ended) => Ok(ended??),
        Err(_) => {
            tracing::warn!("some requests did not finish in time");
            Ok(())
        }
    }
}
