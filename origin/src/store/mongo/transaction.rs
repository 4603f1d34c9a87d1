//! One write, one transaction; one read, one snapshot: each with the numbers of its namespaces ([`crate::store::GenerationStore`]),
//! so that these name exactly the state that was left or read. Not what is written or read.
//!
//! A transaction that conflicts with another is run again from its beginning, a commit whose reply was lost is asked for again (the
//! server does it once), both until the method's time is over, after pauses of chance (`jitter`); the former only while somebody waits for it. Only what such a commit came to is unknown after that: what fails before
//! it was sent never happens, since the server drops a transaction that nobody commits (when it is told, `abandoned`; after 60 s at the latest,
//! `transactionLifetimeLimitSeconds`). A commit that was sent can come true as late as its server comes back to life.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::ids::Slug;
use kairos_protocol::sync::generation::{Generations, Namespace};
use mongodb::ClientSession;
use mongodb::error::{Error, Result, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::ReadConcern;
use tokio::time::{Instant, sleep, timeout_at};

use super::MongoStore;
use super::abandoned::may_be_open;
use super::failure::{Failure, is_duplicate, was_not_sent};
use super::gate::Gate;
use super::generations::{numbers_in, raise_in};
use super::jitter::jittered;
use super::snapshot::read_snapshot;
use super::time_limit::OPERATION_TIMEOUT;
use crate::store::catalog::namespaces_of;
use crate::store::timing::timed;
use crate::store::{self, StoreError, Versioned};

/// What is done in a session.
pub(super) type Step<'session, T> = BoxFuture<'session, Result<T>>;

/// What a write came to.
pub(super) struct Outcome<T> {
    pub(super) value: T,
    /// What it concerns.
    pub(super) namespaces: Vec<Namespace>,
    /// Whether it changed anything there.
    pub(super) has_changed: bool,
}

impl<T> Outcome<T> {
    /// Of a write to the catalogue that has `changed` these modules.
    pub(super) fn of_modules<'m>(value: T, changed: impl IntoIterator<Item = &'m Slug>) -> Self {
        let namespaces = namespaces_of(changed);
        let has_changed = namespaces.len() > 1;
        Self { value, namespaces, has_changed }
    }
}

/// Longest pause before a transaction is tried again; the first is the tenth part of it.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

impl MongoStore {
    /// Runs `work` and raises the numbers of what it changed in one transaction, again from the beginning when it conflicts.
    /// `turn`: the namespace whose writers of this process it waits for.
    pub(super) async fn transact<T, W>(
        &self,
        turn: Option<Namespace>,
        now: UnixMillis,
        work: W,
    ) -> store::Result<Versioned<T>>
    where
        T: Send + 'static,
        W: for<'s> Fn(&'s mut ClientSession) -> Step<'s, Outcome<T>> + Send + Sync + 'static,
    {
        let deadline = Instant::now() + OPERATION_TIMEOUT;
        let turn = match turn {
            None => None,
            Some(namespace) => {
                // Whose turn it is may wait for a server that does not answer, and goes on waiting when the breaker has ended that.
                let permit = self.reachability.acquire()?;
                let late = |_| StoreError::Unavailable("other writes took too long".to_owned());
                let taking = self.reachability.unless_opened(&permit, self.turns.take(&namespace));
                timeout_at(deadline, taking).await.map_err(late)??
            }
        };
        let (store, gate) = (self.clone(), Arc::new(Gate::open()));
        let closing = Arc::clone(&gate);
        let changing = async move {
            let _turn = turn;
            let mut pause = LONGEST_PAUSE / 10;
            loop {
                match store.attempt(now, (deadline, &gate), &work).await {
                    Err(Failure::Before(error))
                        if is_transient(&error) && Instant::now() + pause < deadline && !gate.is_closed() =>
                    {
                        sleep(jittered(pause)).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                    done => return done,
                }
            }
        };
        self.change(closing, changing.boxed()).await
    }

    /// Raises the numbers of `namespaces`, and does nothing else.
    pub(super) async fn raise(&self, namespaces: Vec<Namespace>, now: UnixMillis) -> store::Result<Generations> {
        let raised = self.transact(Some(Namespace::Catalog), now, move |_| {
            let namespaces = namespaces.clone();
            async move { Ok(Outcome { value: (), namespaces, has_changed: true }) }.boxed()
        });
        Ok(raised.await?.generations)
    }

    async fn attempt<T, W>(
        &self,
        now: UnixMillis,
        until: (Instant, &Gate),
        work: &W,
    ) -> std::result::Result<Versioned<T>, Failure>
    where
        W: for<'s> Fn(&'s mut ClientSession) -> Step<'s, Outcome<T>> + Send + Sync + 'static,
    {
        let mut session = self.database.client().start_session().await.map_err(Failure::Before)?;
        session.start_transaction().read_concern(ReadConcern::snapshot()).await.map_err(Failure::Before)?;
        let done = match self.fill(&mut session, now, work).await {
            // Also what was only read is committed: it may not be on most members yet.
            Ok(done) => timed("transaction.commit", commit(&mut session, until)).await.map(|()| done),
            Err(error) => {
                // Else it holds what others wait for.
                if error.contains_label(TRANSIENT_TRANSACTION_ERROR) || is_duplicate(&error) {
                    let _ = session.abort_transaction().await;
                }
                Err(Failure::Before(error))
            }
        };
        if done.as_ref().is_err_and(|failure| may_be_open(failure.error())) {
            self.end_when_reached(session.id().clone());
        }
        done
    }

    async fn fill<T, W>(&self, session: &mut ClientSession, now: UnixMillis, work: &W) -> Result<Versioned<T>>
    where
        W: for<'s> Fn(&'s mut ClientSession) -> Step<'s, Outcome<T>> + Send + Sync + 'static,
    {
        let Outcome { value, namespaces, has_changed } = work(session).await?;
        let mut generations = numbers_in(&self.database, session, &namespaces).await?;
        if has_changed {
            generations = raise_in(&self.database, session, generations, now).await?;
        }
        Ok(Versioned { value, generations: generations.without_modules() })
    }

    /// Runs `work` in a snapshot of what no failover takes back, and reads the namespace's number in the same.
    pub(super) async fn read_state<T, W>(&self, namespace: Namespace, work: W) -> store::Result<Versioned<T>>
    where
        T: Send + 'static,
        W: for<'s> Fn(&'s mut ClientSession) -> Step<'s, T> + Send + Sync + 'static,
    {
        self.read_states(vec![namespace], work).await
    }

    /// The same with the numbers of several.
    pub(super) async fn read_states<T, W>(&self, namespaces: Vec<Namespace>, work: W) -> store::Result<Versioned<T>>
    where
        T: Send + 'static,
        W: for<'s> Fn(&'s mut ClientSession) -> Step<'s, T> + Send + Sync + 'static,
    {
        let (database, work) = (self.database.clone(), Arc::new(work));
        let read = move || {
            let (database, work, namespaces) = (database.clone(), Arc::clone(&work), namespaces.clone());
            async move {
                let mut session = database.client().start_session().snapshot(true).await?;
                let value = work(&mut session).await?;
                let generations = numbers_in(&database, &mut session, &namespaces).await?;
                Ok(Versioned { value, generations })
            }
        };
        self.read(read_snapshot(read)).await
    }
}

/// Whether the transaction may succeed when it is tried again. A key that was taken meanwhile is seen then.
fn is_transient(error: &Error) -> bool {
    error.contains_label(TRANSIENT_TRANSACTION_ERROR) || is_duplicate(error)
}

async fn commit(session: &mut ClientSession, (deadline, gate): (Instant, &Gate)) -> std::result::Result<(), Failure> {
    if !gate.pass() {
        return Err(Failure::Before(Error::custom("given up before it was committed")));
    }
    let mut unknown = None;
    loop {
        let error = match session.commit_transaction().await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        // The server says that there is no such transaction and that most members agree: it was dropped.
        if error.contains_label(TRANSIENT_TRANSACTION_ERROR) {
            gate.come_back();
            return Err(Failure::Before(error));
        }
        let is_unknown = error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT);
        // That the question cannot be sent again says nothing about the first time.
        let error = unknown.filter(|_| was_not_sent(&error)).unwrap_or(error);
        if !is_unknown || Instant::now() + LONGEST_PAUSE >= deadline {
            return Err(Failure::Sent(error));
        }
        unknown = Some(error);
        sleep(jittered(LONGEST_PAUSE)).await;
    }
}
