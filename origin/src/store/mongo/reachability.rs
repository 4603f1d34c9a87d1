//! Whether MongoDB is reached: the breaker before every operation, and the probe that opens and closes it. The driver itself notices a
//! frozen server after some 15 s only, and until then every operation waits. Not here: what an operation is
//! ([`MongoStore::run_until`](super::MongoStore)).
//!
//! An operation that has waited for [`SUSPICIOUS`], or whose connection broke, raises a suspicion: one check at a time asks the primary by
//! a client of its own. Only that check opens the breaker, and only if no operation was answered meanwhile: a query that takes long, or
//! a process that has more to do than it can, is no outage. So a server that stands still is known after [`SUSPICIOUS`] and
//! [`PROBE_TIMEOUT`] together, 2 s. Where there is no primary but another member answers, there will be one soon: that is waited for,
//! [`ELECTION_TIME`] in all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mongodb::bson::doc;
use mongodb::error::ErrorKind;
use mongodb::options::{ClientOptions, ReadPreference, SelectionCriteria};
use mongodb::{Client, error};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use super::failure::describe;
use super::time_limit::SERVER_SELECTION_TIMEOUT;
use crate::breaker::{Breaker, Permit, in_time};
use crate::store::{Result, StoreError};

/// An operation that waits for this long is suspicious, and again each time this has passed.
const SUSPICIOUS: Duration = Duration::from_secs(1);
/// How long the primary may take to answer a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// Within it, how long the probe's client looks for a server: it asks each every half second while it does.
const SELECTION_TIMEOUT: Duration = Duration::from_millis(800);
/// How often the probe's client hears from each server, and how long it takes to connect at most.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long a replica set may be without a primary before the breaker opens: as long as the driver looks for one.
const ELECTION_TIME: Duration = SERVER_SELECTION_TIMEOUT;
/// The first pause before a probe that may close it; each further one is twice as long,
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Connections of the probe: one that hangs is left to the driver, which ends it when it misses two heartbeats.
const MAX_CONNECTIONS: u32 = 10;

/// See the module.
pub(super) struct Reachability {
    breaker: Breaker<()>,
    /// For probes alone: what waits in the other clients' pools does not hold it up.
    client: Client,
    /// Why it was opened last.
    why: Mutex<Arc<str>>,
    /// How many operations the server answered, whatever it said.
    answered: AtomicU64,
    /// Locked while a check is under way.
    checking: Arc<tokio::sync::Mutex<()>>,
}

/// Why an operation is not waited for any more.
pub(super) enum GivenUp {
    /// Its time is over.
    Late,
    /// The breaker opened.
    Opened,
}

/// Why no primary answered.
struct Away {
    why: String,
    /// There is none, but another member answers.
    is_election: bool,
}

impl Reachability {
    /// Of the servers that `options` name; reached until something says otherwise.
    ///
    /// # Errors
    /// The options contradict each other.
    pub(super) fn new(options: ClientOptions) -> error::Result<Arc<Self>> {
        let client = Client::with_options(for_probes(options))?;
        let breaker = Breaker::new("mongodb");
        breaker.close(());
        let (why, answered) = (Mutex::new(Arc::from("")), AtomicU64::new(0));
        Ok(Arc::new(Self { breaker, client, why, answered, checking: Arc::default() }))
    }

    /// Leave to begin an operation.
    ///
    /// # Errors
    /// The breaker is open: nothing is sent.
    pub(super) fn acquire(&self) -> Result<Permit<()>> {
        self.breaker.acquire().ok_or_else(|| self.unreached())
    }

    /// What `waiting` for something of this process's own becomes, unless the breaker opens first.
    ///
    /// # Errors
    /// It did.
    pub(super) async fn unless_opened<T>(&self, permit: &Permit<()>, waiting: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            biased;
            done = waiting => Ok(done),
            () = self.breaker.opened(permit) => Err(self.unreached()),
        }
    }

    /// What an `operation` that was sent becomes, until `deadline` or until the breaker opens. Raises a suspicion when it takes long.
    pub(super) async fn wait<F>(
        self: &Arc<Self>,
        permit: &Permit<()>,
        deadline: Instant,
        mut operation: F,
    ) -> std::result::Result<F::Output, GivenUp>
    where
        F: Future + Unpin,
    {
        let mut opened = std::pin::pin!(self.breaker.opened(permit));
        loop {
            let next = deadline.min(Instant::now() + SUSPICIOUS);
            tokio::select! {
                biased;
                done = &mut operation => return Ok(done),
                () = &mut opened => return Err(GivenUp::Opened),
                () = sleep_until(next) => {}
            }
            if next == deadline {
                return Err(GivenUp::Late);
            }
            self.suspect(permit);
        }
    }

    /// An operation came to `outcome`: the server answered, or its connection is suspicious.
    pub(super) fn record(self: &Arc<Self>, permit: &Permit<()>, failure: Option<&error::Error>) {
        match failure.map(|error| &*error.kind) {
            Some(
                ErrorKind::Io(_)
                | ErrorKind::ConnectionPoolCleared { .. }
                | ErrorKind::ServerSelection { .. }
                | ErrorKind::DnsResolve { .. },
            ) => self.suspect(permit),
            _ => drop(self.answered.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Begins a check, unless one is under way.
    fn suspect(self: &Arc<Self>, permit: &Permit<()>) {
        let Ok(checking) = Arc::clone(&self.checking).try_lock_owned() else { return };
        let (this, permit) = (Arc::clone(self), permit.clone());
        tokio::spawn(async move {
            if let Some(why) = this.check().await {
                *this.why.lock() = why.as_str().into();
                if this.breaker.trip(&permit) {
                    this.report(&why);
                    this.probe_until_back();
                }
            }
            drop(checking);
        });
    }

    /// Logs that it has opened. Who was never answered is told by the error alone: most likely the process ends with it.
    fn report(&self, why: &str) {
        match self.answered.load(Ordering::Relaxed) {
            0 => tracing::debug!(why, "mongodb is not reached"),
            _ => tracing::warn!(why, "mongodb is not reached; going on without it"),
        }
    }

    /// The error of who is not let through, or not any more.
    fn unreached(&self) -> StoreError {
        StoreError::Unavailable(self.why())
    }

    /// Why MongoDB was not reached when the breaker opened last.
    pub(super) fn why(&self) -> String {
        format!("MongoDB is not reached, and its breaker is open: {}", self.why.lock())
    }

    /// Why the breaker is to be opened, if it is.
    async fn check(&self) -> Option<String> {
        let (began, answered) = (Instant::now(), self.answered.load(Ordering::Relaxed));
        loop {
            let away = self.probe().await.err()?;
            if self.answered.load(Ordering::Relaxed) != answered {
                return None;
            }
            if !away.is_election || began.elapsed() >= ELECTION_TIME {
                return Some(away.why);
            }
            sleep(LONGEST_PAUSE).await;
        }
    }

    fn probe_until_back(self: &Arc<Self>) {
        let this = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut pause = FIRST_PAUSE;
            loop {
                sleep(pause).await;
                let Some(this) = this.upgrade() else { return };
                this.breaker.half_open();
                match this.probe().await {
                    Ok(()) => {
                        this.breaker.close(());
                        return tracing::info!("mongodb is back");
                    }
                    Err(Away { why, .. }) => tracing::debug!(why, "mongodb is still away"),
                }
                this.breaker.stay_open();
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
    }

    /// Asks the primary, and any member beside it for the case that there is none.
    async fn probe(&self) -> std::result::Result<(), Away> {
        let any = SelectionCriteria::ReadPreference(ReadPreference::Nearest { options: None });
        let (primary, any) = tokio::join!(self.ping(None), self.ping(Some(any)));
        let failure = match primary {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => error,
            None => return Err(Away { why: format!("no answer within {PROBE_TIMEOUT:?}"), is_election: false }),
        };
        let is_selection = matches!(*failure.kind, ErrorKind::ServerSelection { .. });
        Err(Away { why: describe(&failure), is_election: is_selection && matches!(any, Some(Ok(()))) })
    }

    /// Whether a server answers, whatever it says; `None` when it does not within [`PROBE_TIMEOUT`]. Not dropped half way: see
    /// `run_until`.
    async fn ping(&self, criteria: Option<SelectionCriteria>) -> Option<error::Result<()>> {
        let admin = self.client.database("admin");
        let asking = tokio::spawn(async move {
            let asking = admin.run_command(doc! { "ping": 1 });
            match criteria {
                Some(criteria) => asking.selection_criteria(criteria).await,
                None => asking.await,
            }
        });
        match in_time(PROBE_TIMEOUT, asking).await?.ok()? {
            Err(error) if !matches!(*error.kind, ErrorKind::Command(_)) => Some(Err(error)),
            _ => Some(Ok(())),
        }
    }
}

/// As `options`, for a client that only wants to know, and soon.
fn for_probes(mut options: ClientOptions) -> ClientOptions {
    options.connect_timeout = Some(HEARTBEAT);
    options.heartbeat_freq = Some(HEARTBEAT);
    options.server_selection_timeout = Some(SELECTION_TIMEOUT);
    options.min_pool_size = Some(1);
    options.max_pool_size = Some(MAX_CONNECTIONS);
    options.compressors = None;
    options
}
