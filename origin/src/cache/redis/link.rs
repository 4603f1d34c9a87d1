//! The way to Redis: asks with a short timeout, opens the breaker at the first failure, and closes it again from a probe in the
//! background, after Redis was told what it missed. Not what is asked.
//!
//! There is no `ConnectionManager` here: it reconnects by itself, so a command could go to a server that just lost its memory.
//! Here a new connection is always preceded by the questions of [`Link::recover`].

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::io::tcp::TcpSettings;
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, IntoConnectionInfo, Pipeline, RedisError, RedisResult, Value,
};
use tokio::time::{Instant, sleep, timeout};

use super::super::breaker::{Breaker, Pass};
use super::super::ledger::Ledger;
use super::super::{CUT_OFF_USE_MS, FENCE_MS};
use super::RedisConfig;
use super::books::{Books, Step};
use super::scripts::Scripts;
use crate::machine::Machine;

/// How long an answer is looked for once more after its time is over.
const UNREAD: Duration = Duration::from_millis(5);
/// How long a probe waits for each of its answers.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);
/// The first pause before a probe; each further one is twice as long,
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(1_000);
/// Others that were cut off by the same outage have probed by then, and told what they owe.
const SETTLING: Duration = Duration::from_millis(CUT_OFF_USE_MS.unsigned_abs());
/// Things told in one round trip.
const STEPS_AT_ONCE: usize = 128;
/// Commands on their way at once; more wait their turn.
const PIPELINE_BUFFER: usize = 1_024;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreached {
    /// The breaker is open: nothing was sent.
    Open,
    /// Something was sent; whether it was done is not known.
    Lost,
}

/// See the module.
pub(super) struct Link {
    client: Client,
    operation_timeout: Duration,
    breaker: Breaker<MultiplexedConnection>,
    books: Mutex<Books>,
    machine: Machine,
    pub(super) scripts: Scripts,
    pub(super) ledger: Ledger,
}

impl Link {
    /// Tries to connect once, for up to half a second; if that fails, a probe goes on trying.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub(super) async fn open(config: RedisConfig, machine: Machine) -> RedisResult<Arc<Self>> {
        let info = config.url.as_str().into_connection_info()?;
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let link = Arc::new(Self {
            client: Client::open(info)?,
            operation_timeout: config.operation_timeout,
            breaker: Breaker::new("redis"),
            books: Mutex::default(),
            machine,
            scripts: Scripts::new(config.key_prefix),
            ledger: Ledger::default(),
        });
        if let Err(error) = link.recover(Duration::ZERO).await {
            tracing::warn!(%error, "redis cannot be reached; going on without it");
            link.probe();
        }
        Ok(link)
    }

    /// What this process owes Redis.
    fn books(&self) -> MutexGuard<'_, Books> {
        // The books are whole between any two calls on them, so a poisoned lock guards sound data.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection, unless the breaker is open.
    pub(super) fn pass(&self) -> Result<Pass<MultiplexedConnection>, Unreached> {
        self.breaker.pass().ok_or(Unreached::Open)
    }

    /// Sends one command and waits for its answer, not longer than the operation timeout.
    pub(super) async fn ask<T: FromRedisValue>(self: &Arc<Self>, command: &Cmd) -> Result<T, Unreached> {
        self.ask_through(self.pass()?, command).await
    }

    /// [`Link::ask`] through a connection already taken.
    pub(super) async fn ask_through<T: FromRedisValue>(
        self: &Arc<Self>,
        mut pass: Pass<MultiplexedConnection>,
        command: &Cmd,
    ) -> Result<T, Unreached> {
        let answer = {
            let mut answer = pin!(command.query_async(&mut pass.connection));
            match timeout(self.operation_timeout, &mut answer).await {
                Ok(answer) => Ok(answer),
                // It may lie there unread: a process that did not get to run sees the time pass first.
                Err(_) => timeout(UNREAD, &mut answer).await,
            }
        };
        let error = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {:?}", self.operation_timeout),
        };
        self.lose(&pass, &error);
        Err(Unreached::Lost)
    }

    /// Opens the breaker, and sends out a probe if it was closed.
    pub(super) fn lose(self: &Arc<Self>, pass: &Pass<MultiplexedConnection>, error: &str) {
        if self.breaker.trip(pass) {
            tracing::warn!(error, "redis failed; going on without it");
            self.probe();
        }
    }

    /// Notes something Redis should have been told, and sees to it that it will be before it is trusted again.
    pub(super) fn note(self: &Arc<Self>, entry: impl FnOnce(&mut Books)) {
        // Under one lock with the closing of the breaker: it never closes over an entry.
        let mut books = self.books();
        entry(&mut books);
        if let Some(pass) = self.breaker.pass().filter(|_| !books.is_empty()) {
            self.lose(&pass, "it came back while a write went on without it");
        }
    }

    fn probe(self: &Arc<Self>) {
        let link = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut pause = FIRST_PAUSE;
            loop {
                sleep(pause).await;
                let Some(link) = link.upgrade() else {
                    return;
                };
                link.breaker.half_open();
                match link.recover(SETTLING).await {
                    Ok(()) => return tracing::info!("redis is back"),
                    Err(error) => tracing::debug!(%error, "redis is still away"),
                }
                link.breaker.stay_open();
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
    }

    /// Connects, learns whether the server lost its memory, tells it all it missed, and closes the breaker.
    async fn recover(&self, settling: Duration) -> RedisResult<()> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PROBE_TIMEOUT))
            .set_response_timeout(Some(PROBE_TIMEOUT))
            .set_pipeline_buffer_size(PIPELINE_BUFFER);
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let known: Vec<bool> = self.scripts.exist().query_async(&mut connection).await?;
        if known.contains(&false) {
            let epoch = self.machine.random_hex::<8>();
            self.scripts.load(&epoch).query_async::<Value>(&mut connection).await?;
        }
        self.scripts.try_write().query_async::<Value>(&mut connection).await?;
        loop {
            let steps = {
                let mut books = self.books();
                if books.is_empty() {
                    connection.set_response_timeout(self.operation_timeout * 2);
                    self.breaker.close(connection, Instant::now() + settling);
                    return Ok(());
                }
                books.steps(STEPS_AT_ONCE)
            };
            self.tell(&steps).query_async::<Value>(&mut connection).await?;
            let mut books = self.books();
            steps.iter().for_each(|step| books.settle(step));
        }
    }

    fn tell(&self, steps: &[Step]) -> Pipeline {
        let mut pipeline = ::redis::pipe();
        for step in steps {
            pipeline.add_command(match step {
                Step::Announce { token, namespaces } => {
                    let floors = self.ledger.floors(namespaces);
                    self.scripts.advance(namespaces, &floors, [token].into_iter(), FENCE_MS)
                }
                Step::Pay { namespace, tokens, .. } => {
                    let namespace = std::slice::from_ref(namespace);
                    self.scripts.advance(namespace, &self.ledger.floors(namespace), tokens.iter(), 0)
                }
            });
        }
        pipeline
    }
}

/// What is wrong with a reply that is not of the script's form.
pub(super) fn describe(error: &RedisError) -> String {
    format!("a reply of the wrong form: {error}")
}
