//! What all sessions of a run share: the targets, the accounts, where they report, what they show each other, and when it is over.

use std::sync::Arc;
use std::time::Duration;

use kairos_origin::environment::Environment;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::sync::generation::Generations;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::chaos::cluster::Target;
use crate::chaos::event::{Event, Exchange, Observed};

/// Modules that are written and read.
pub(crate) const MODULES: usize = 5;

/// The slug of a module.
pub(crate) fn slug(module: usize) -> String {
    format!("chaos-{module}")
}

/// Somebody to sign in as. All sessions of one account share its token.
pub(crate) struct Account {
    pub(crate) email: String,
    pub(crate) id: UserId,
    token: Mutex<Arc<str>>,
}

impl Account {
    pub(crate) fn new(email: String, id: UserId, token: &str) -> Self {
        Self { email, id, token: Mutex::new(token.into()) }
    }

    /// The access token.
    pub(crate) fn token(&self) -> Arc<str> {
        Arc::clone(&self.token.lock())
    }

    /// From now on it is this one.
    pub(crate) fn renew(&self, token: &str) {
        *self.token.lock() = token.into();
    }
}

/// What a session has just seen, and its generations.
type Shown = Mutex<Option<(Arc<Exchange>, Generations)>>;

pub(crate) struct RunContext {
    pub(crate) seed: u64,
    pub(crate) sessions: usize,
    /// Origins first, then edges.
    pub(crate) targets: Vec<Target>,
    origins: usize,
    pub(crate) client: reqwest::Client,
    pub(crate) environment: Environment,
    began: Instant,
    events: mpsc::Sender<Event>,
    shown: Vec<Shown>,
    over: watch::Receiver<bool>,
}

impl RunContext {
    pub(crate) fn new(
        seed: u64,
        sessions: usize,
        targets: Vec<Target>,
        events: mpsc::Sender<Event>,
        over: watch::Receiver<bool>,
    ) -> reqwest::Result<Self> {
        let client = crate::http::client_builder().redirect(reqwest::redirect::Policy::none()).build()?;
        let shown = (0..sessions).map(|_| Mutex::default()).collect();
        let origins = targets.iter().filter(|target| !target.is_edge).count();
        let (environment, began) = (Environment::system(), Instant::now());
        Ok(Self { seed, sessions, targets, origins, client, environment, began, events, shown, over })
    }

    pub(super) fn origins(&self) -> &[Target] {
        self.targets.get(..self.origins).unwrap_or_default()
    }

    pub(super) fn edges(&self) -> &[Target] {
        self.targets.get(self.origins..).unwrap_or_default()
    }

    /// Since the run began.
    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Waits while the checker is behind.
    pub(crate) async fn report(&self, event: Event) {
        // It ends after all sessions.
        let _ = self.events.send(event).await;
    }

    pub(crate) fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    /// Waits for so long, or until it is over.
    pub(crate) async fn rest(&self, ms: u64) {
        let mut over = self.over.clone();
        let ending = over.wait_for(|over| *over);
        let _ = tokio::time::timeout(Duration::from_millis(ms), ending).await;
    }

    /// Lets other sessions know of `exchange`.
    pub(super) fn show(&self, session: usize, exchange: &Arc<Exchange>, seen: &Generations) {
        if exchange.observed == Observed::Nothing {
            return;
        }
        if let Some(shown) = self.shown.get(session) {
            *shown.lock() = Some((Arc::clone(exchange), seen.clone()));
        }
    }

    /// What `session` has just seen.
    pub(super) fn shown(&self, session: usize) -> Option<(Arc<Exchange>, Generations)> {
        self.shown.get(session)?.lock().clone()
    }
}
