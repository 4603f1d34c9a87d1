//! The connection to Redis: runs commands with a short timeout, on a thread of its own, opens the breaker at the first failure, and closes
//! it again from a probe in the background. Not what the commands are.

use std::sync::Arc;
use std::time::Duration;

use ::redis::{Cmd, FromRedisValue, RedisResult, Value};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::config::RedisConfig;
use super::scripts::Scripts;
use super::servers::{AnyConnection, Servers};
use super::thread::Thread;
use crate::breaker::{Breaker, Permit, in_time};

/// How long a probe waits for each of its replies.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);
/// The first pause before a probe; each further one is twice as long,
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(1_000);

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreached {
    /// The breaker is open: nothing was sent.
    Open,
    /// Something was sent; whether it was done is not known.
    Lost,
}

/// See the module.
pub(super) struct RedisConnection {
    servers: Servers,
    operation_timeout: Duration,
    breaker: Breaker<Connections>,
    thread: Thread,
    pub(super) scripts: Scripts,
}

/// Two to the same servers: a response of a megabyte must not hold up a number.
#[derive(Clone)]
pub(super) struct Connections {
    numbers: AnyConnection,
    responses: AnyConnection,
}

impl RedisConnection {
    /// Tries to connect once, for up to half a second; if that fails, a probe goes on trying.
    ///
    /// # Errors
    /// The URL cannot be read, or the system gives no thread.
    pub(super) async fn open(config: RedisConfig) -> RedisResult<Arc<Self>> {
        let servers = Servers::parse(&config.url, config.ca_pem)?;
        let connection = Arc::new(Self {
            servers,
            operation_timeout: config.operation_timeout,
            breaker: Breaker::new("redis"),
            thread: Thread::start("redis")?,
            scripts: Scripts::new(config.key_prefix, config.number_lifetime),
        });
        let connecting = Arc::clone(&connection);
        let connected = connection.spawn(async move { connecting.connect().await }).await;
        if let Some(Err(error)) = connected {
            tracing::warn!(%error, "redis cannot be reached; going on without it");
            connection.probe();
        }
        Ok(connection)
    }

    /// Where to run what waits for Redis.
    pub(super) const fn handle(&self) -> &Handle {
        self.thread.handle()
    }

    /// What `work` gives, run on the thread; `None` when it panicked, or the thread is gone.
    async fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        self.handle().spawn(work).await.ok()
    }

    /// A connection, unless the breaker is open.
    pub(super) fn acquire(&self) -> Result<Permit<Connections>, Unreached> {
        self.breaker.acquire().ok_or(Unreached::Open)
    }

    /// Sends one command and waits for its reply, not longer than the operation timeout. A failure opens the breaker.
    pub(super) async fn run<T>(self: &Arc<Self>, command: Cmd) -> Result<T, Unreached>
    where
        T: FromRedisValue + Send + 'static,
    {
        let permit = self.acquire()?;
        let redis = Arc::clone(self);
        let work = async move {
            let mut connection = permit.connection.numbers.clone();
            let reply = in_time(redis.operation_timeout, command.query_async(&mut connection));
            let failure = match measured("numbers", reply).await {
                Some(Ok(reply)) => return Ok(reply),
                Some(Err(error)) => error.to_string(),
                None => format!("no reply within {:?}", redis.operation_timeout),
            };
            redis.lose(&permit, &failure);
            Err(Unreached::Lost)
        };
        self.spawn(work).await.unwrap_or(Err(Unreached::Lost))
    }

    /// Sends one command that moves a response. A failure says nothing of Redis: it may be the response's size.
    pub(super) async fn transfer<T>(&self, command: Cmd) -> Result<T, Unreached>
    where
        T: FromRedisValue + Send + 'static,
    {
        let mut connection = self.acquire()?.connection.responses;
        let limit = self.operation_timeout;
        let work = async move { measured("responses", in_time(limit, command.query_async(&mut connection))).await };
        self.spawn(work).await.flatten().and_then(Result::ok).ok_or(Unreached::Lost)
    }

    /// Opens the breaker, and sends out a probe if it was closed.
    pub(super) fn lose(self: &Arc<Self>, permit: &Permit<Connections>, error: &str) {
        if self.breaker.trip(permit) {
            tracing::warn!(error, "redis failed; going on without it");
            self.probe();
        }
    }

    fn probe(self: &Arc<Self>) {
        let connection = Arc::downgrade(self);
        self.handle().spawn(async move {
            let mut pause = FIRST_PAUSE;
            loop {
                sleep(pause).await;
                let Some(connection) = connection.upgrade() else {
                    return;
                };
                connection.breaker.half_open();
                match connection.connect().await {
                    Ok(()) => return tracing::info!("redis is back"),
                    Err(error) => tracing::debug!(%error, "redis is still away"),
                }
                connection.breaker.stay_open();
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
    }

    /// `namespaces` by what one script may have keys of.
    pub(super) fn chunks<'n, T>(&self, namespaces: &'n [T]) -> std::slice::Chunks<'n, T> {
        namespaces.chunks(if self.servers.are_slotted() { 1 } else { usize::MAX })
    }

    /// Connects, gives each server its scripts, and closes the breaker.
    async fn connect(&self) -> RedisResult<()> {
        let mut numbers = self.servers.connect(PROBE_TIMEOUT).await?;
        let responses = self.servers.connect(PROBE_TIMEOUT).await?;
        for script in self.scripts.install() {
            numbers.run_on_each(script).await?;
        }
        self.scripts.probe().query_async::<Value>(&mut numbers).await?;
        self.breaker.close(Connections { numbers, responses });
        Ok(())
    }
}

/// What `reply` gives, with its time, and its failure if it is one, in metrics.
async fn measured<T, E>(kind: &'static str, reply: impl Future<Output = Option<Result<T, E>>>) -> Option<Result<T, E>> {
    let began = Instant::now();
    let reply = reply.await;
    metrics::histogram!("kairos_redis_seconds", "kind" => kind).record(began.elapsed().as_secs_f64());
    if !matches!(reply, Some(Ok(_))) {
        metrics::counter!("kairos_redis_failures_total", "kind" => kind).increment(1);
    }
    reply
}
