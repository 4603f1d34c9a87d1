//! The connection to Redis: runs commands with a short timeout, on a thread of its own, opens the breaker at the first failure, and closes
//! it again from a probe in the background. Not what the commands are.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::io::tcp::TcpSettings;
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, IntoConnectionInfo, RedisResult, TlsCertificates, Value,
};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use super::config::RedisConfig;
use super::scripts::Scripts;
use super::thread::Thread;
use crate::cache::breaker::{Breaker, Permit};

/// A timer that is later than this was held up by this process itself: then Redis's reply may lie there unread.
const LATENESS: Duration = Duration::from_millis(5);
/// How often a reply is waited for again when this process was held up.
const MOST_ROUNDS: u32 = 5;
/// How long a probe waits for each of its replies.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);
/// The first pause before a probe; each further one is twice as long,
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(1_000);
/// Commands on their way at once; more wait their turn.
const PIPELINE_BUFFER: usize = 1_024;

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
    client: Client,
    operation_timeout: Duration,
    breaker: Breaker<Connections>,
    thread: Thread,
    pub(super) scripts: Scripts,
}

/// Two to the same server: a response of a megabyte must not hold up a number.
#[derive(Clone)]
pub(super) struct Connections {
    numbers: MultiplexedConnection,
    responses: MultiplexedConnection,
}

impl RedisConnection {
    /// Tries to connect once, for up to half a second; if that fails, a probe goes on trying.
    ///
    /// # Errors
    /// The URL cannot be read, or the system gives no thread.
    pub(super) async fn open(config: RedisConfig) -> RedisResult<Arc<Self>> {
        let info = config.url.as_str().into_connection_info()?;
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = match config.ca_pem {
            None => Client::open(info)?,
            Some(pem) => Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: Some(pem) })?,
        };
        let connection = Arc::new(Self {
            client,
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

    /// Connects, gives the server its scripts, and closes the breaker.
    async fn connect(&self) -> RedisResult<()> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PROBE_TIMEOUT))
            .set_response_timeout(Some(PROBE_TIMEOUT))
            .set_pipeline_buffer_size(PIPELINE_BUFFER);
        let mut numbers = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let responses = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        self.scripts.install().query_async::<Value>(&mut numbers).await?;
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

/// What `reply` becomes within `limit`. Time in which this thread did not get to look does not count against Redis (the process was
/// stopped, or the machine has more to do than it can): a timer that fires late shows it.
async fn in_time<F: Future>(limit: Duration, reply: F) -> Option<F::Output> {
    let mut reply = pin!(reply);
    for _ in 0..MOST_ROUNDS {
        let due = Instant::now() + limit;
        if let Ok(reply) = timeout(limit, &mut reply).await {
            return Some(reply);
        }
        if Instant::now() < due + LATENESS {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::oneshot;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn time_in_which_nobody_could_look_does_not_count() {
        let (sender, reply) = oneshot::channel();
        let hold_up = async {
            std::thread::sleep(LIMIT * 3);
            // It has come, but who carries it over has not had its turn when the timer fires.
            tokio::spawn(async { sender.send("late") });
        };
        assert_eq!(tokio::join!(in_time(LIMIT, reply), hold_up).0, Some(Ok("late")));
    }

    #[tokio::test]
    async fn who_does_not_answer_is_not_waited_for() {
        let began = Instant::now();
        assert_eq!(in_time(LIMIT, pending::<()>()).await, None);
        assert!(began.elapsed() >= LIMIT);
    }
}
