//! The breaker of a dependency that is reached over the network: closed while it is, open while it is not, half-open while a probe looks.
//! Requests only ask whether it is closed, and may wait for it to open; the probe alone closes it. Not here: how to tell that a dependency is
//! not reached, or how it is probed (`cache/redis/connection.rs`, `store/mongo/reachability.rs`).

mod in_time;

use std::pin::pin;

use parking_lot::Mutex;
use tokio::sync::Notify;

pub(crate) use in_time::in_time;

/// See the module.
pub(crate) struct Breaker<C> {
    dependency: &'static str,
    state: Mutex<State<C>>,
    /// Wakes who waits for it to open.
    opening: Notify,
}

struct State<C> {
    closed: Option<Permit<C>>,
    /// How often it has been closed.
    rounds: u64,
}

/// What a request gets while the breaker is closed.
#[derive(Clone)]
pub(crate) struct Permit<C> {
    /// The connection, shared; nothing, where the driver has its own.
    pub(crate) connection: C,
    round: u64,
}

impl<C: Clone> Breaker<C> {
    /// Open: nothing is connected yet.
    pub(crate) fn new(dependency: &'static str) -> Self {
        let state = Mutex::new(State { closed: None, rounds: 0 });
        let breaker = Self { dependency, state, opening: Notify::new() };
        breaker.report(2.0);
        breaker
    }

    /// A connection, or `None` while open.
    pub(crate) fn acquire(&self) -> Option<Permit<C>> {
        self.state.lock().closed.clone()
    }

    /// Opens it after `failed` did; `true` if that changed anything: then the caller starts a probe. What an earlier
    /// connection's late failure says is not held against a newer one.
    pub(crate) fn trip(&self, failed: &Permit<C>) -> bool {
        let mut state = self.state.lock();
        let current = state.holds(failed);
        if current {
            state.closed = None;
            self.report(2.0);
            self.opening.notify_waiters();
        }
        current
    }

    /// Waits until it has opened since `permit` was given.
    pub(crate) async fn opened(&self, permit: &Permit<C>) {
        let mut opening = pin!(self.opening.notified());
        // From here on nothing is missed.
        opening.as_mut().enable();
        if self.state.lock().holds(permit) {
            opening.await;
        }
    }

    /// A probe begins.
    pub(crate) fn half_open(&self) {
        self.report(1.0);
    }

    /// The probe failed.
    pub(crate) fn stay_open(&self) {
        self.report(2.0);
    }

    /// The probe succeeded.
    pub(crate) fn close(&self, connection: C) {
        let mut state = self.state.lock();
        state.rounds += 1;
        state.closed = Some(Permit { connection, round: state.rounds });
        self.report(0.0);
    }

    /// The gauge: 0 closed, 1 half-open, 2 open.
    fn report(&self, state: f64) {
        metrics::gauge!("kairos_breaker_state", "dependency" => self.dependency).set(state);
    }
}

impl<C> State<C> {
    /// Whether it has been closed ever since `permit` was given.
    fn holds(&self, permit: &Permit<C>) -> bool {
        self.closed.as_ref().is_some_and(|current| current.round == permit.round)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;

    #[test]
    fn a_late_failure_of_an_earlier_connection_does_not_open_it() {
        let breaker = Breaker::new("test");
        assert!(breaker.acquire().is_none(), "open at first");
        breaker.close('a');
        let first = breaker.acquire().unwrap();
        assert!(breaker.trip(&first), "the first failure opens it");
        assert!(!breaker.trip(&first), "the second finds it open");
        assert!(breaker.acquire().is_none());
        breaker.close('b');
        assert!(!breaker.trip(&first), "a failure from before");
        assert_eq!(breaker.acquire().map(|permit| permit.connection), Some('b'));
    }

    #[tokio::test]
    async fn who_waits_for_it_to_open_is_told_once_it_has_even_if_it_closed_again() {
        let breaker = Breaker::new("test");
        breaker.close(());
        let permit = breaker.acquire().unwrap();
        let mut opened = Box::pin(breaker.opened(&permit));
        assert!(poll!(&mut opened).is_pending());
        breaker.trip(&permit);
        breaker.close(());
        opened.await;
        breaker.opened(&permit).await;
        let permit = breaker.acquire().unwrap();
        assert!(poll!(Box::pin(breaker.opened(&permit))).is_pending(), "not since this one");
    }
}
