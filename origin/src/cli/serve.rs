//! `kairos-origin serve`.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::extract::FromRef;
use clap::Args;
use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::unconstrained;

use super::adapters::Adapters;
use super::limits::LimitOptions;
use super::output::say;
use super::tutor::TutorOptions;
use crate::app::App;
use crate::environment::Environment;
use crate::events::EventStreams;
use crate::response_cache::DEFAULT_CAPACITY_MIB;
use crate::server::{self, Patience};
use crate::service::Service;
use crate::state::{AppState, Settings};
use crate::store::timing;
use crate::telemetry::{self, LogFormat, UPKEEP_PERIOD};

/// Connections that the system has made and that this process has yet to accept. The system allows as many as its own limit
/// (`net.core.somaxconn`, 4,096 on Linux); whoever comes when there are more tries again after a second.
const BACKLOG: u32 = 16_384;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kairos-origin serve
  kairos-origin serve --listen 127.0.0.1:8080 --data school.db
  kairos-origin serve --app web/dist
  kairos-origin serve --mongodb-url mongodb://127.0.0.1:27017/kairos --redis-url redis://127.0.0.1:6379
  kairos-origin serve --mongodb-url-file /run/secrets/mongodb-url --redis-url-file /run/secrets/redis-url")]
/// Options of `serve`.
pub struct Serve {
    /// Address and port; port 0 takes a free one.
    #[arg(long, env = "KAIROS_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: String,
    #[command(flatten)]
    adapters: Adapters,
    /// Serve the learner's app in this folder too, such as web/dist; else the one that was built in, if one was.
    #[arg(long, env = "KAIROS_APP", value_name = "DIR")]
    app: Option<PathBuf>,
    #[command(flatten)]
    tutor: TutorOptions,
    #[command(flatten)]
    limits: LimitOptions,
    /// Memory that stored responses may take in this process, in MiB; 0 stores none there.
    #[arg(long, env = "KAIROS_MEMORY_CACHE_MIB", default_value_t = DEFAULT_CAPACITY_MIB, value_name = "N", value_parser = clap::value_parser!(u32))]
    memory_cache_mib: u32,
    /// How log lines look.
    #[arg(long, env = "KAIROS_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// What is logged, such as `warn` or `kairos_origin=debug`.
    #[arg(long, env = "KAIROS_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
    /// Send traces to the OpenTelemetry collector at this address, by HTTP: http://HOST:4318
    #[cfg(feature = "otlp")]
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// One response given from a cache in so many seconds is compared with the store, for kairos_staleness_seconds; 0 for none.
    #[arg(long, env = "KAIROS_SAMPLE_SECS", default_value_t = 1, value_name = "SECONDS")]
    sample_secs: u32,
    /// Log each query of the store that takes at least so many milliseconds, by its name.
    #[arg(long, env = "KAIROS_SLOW_QUERY_MS", default_value_t = 100, value_name = "MS")]
    slow_query_ms: u64,
}

impl Serve {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let log = self.start_log()?;
        timing::log_from(Duration::from_millis(self.slow_query_ms));
        // Before the adapters, which report their state as they come up.
        let metrics = telemetry::record_metrics();
        if let Some(metrics) = metrics.clone() {
            tokio::spawn(telemetry::keep_up(metrics, UPKEEP_PERIOD, log.dropped()));
        }
        let environment = Environment::system();
        let tutor = self.tutor.config()?;
        let app = self.app()?;
        let (store, cache) = self.adapters.open(&environment).await?;
        let cache = cache.with_samples_every(Duration::from_secs(self.sample_secs.into()));
        let listener = listen(&self.listen)
            .await
            .with_context(|| format!("cannot listen on {}; choose another with --listen", self.listen))?;
        let address = listener.local_addr().context("the listener has no address")?;
        let settings = Settings {
            memory_cache_bytes: u64::from(self.memory_cache_mib) << 20,
            tutor,
            limits: self.limits.config(),
            app,
        };
        let state = AppState::assemble(store, cache, environment, metrics, settings)
            .await
            .map_err(|error| anyhow::anyhow!("{}", error.cause.unwrap_or(error.problem.detail)))
            .context("the service cannot be put together")?;

        // Before the line that says it is ready: from then on it can be told to stop.
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        say(&format!("kairos-origin listens on http://{address} ({})", self.adapters.describe()));
        serve_until_told(listener, state, interrupt, terminate).await;
        Ok(())
    }

    #[cfg(not(feature = "otlp"))]
    fn start_log(&self) -> anyhow::Result<telemetry::Log> {
        telemetry::log_to_stderr(self.log_format, &self.log).with_context(|| format!("--log {}", self.log))
    }

    #[cfg(feature = "otlp")]
    fn start_log(&self) -> anyhow::Result<telemetry::Log> {
        match self.otlp_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty()) {
            Some(endpoint) => telemetry::otlp::log_and_trace(self.log_format, &self.log, endpoint),
            None => telemetry::log_to_stderr(self.log_format, &self.log).with_context(|| format!("--log {}", self.log)),
        }
    }

    fn app(&self) -> anyhow::Result<Option<App>> {
        match &self.app {
            Some(folder) => App::read(folder).map(Some).with_context(|| format!("--app {}", folder.display())),
            None => App::embedded().context("the app that is built in"),
        }
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

/// Serves until SIGINT or SIGTERM; then finishes what is under way.
async fn serve_until_told(listener: TcpListener, state: AppState, mut interrupt: Signal, mut terminate: Signal) {
    let events = Arc::<EventStreams>::from_ref(&state);
    let told = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        // They would never be finished.
        events.close();
    };
    unconstrained(server::serve(listener, Service::new(state), told, Patience::default())).await;
}
