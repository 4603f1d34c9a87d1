//! The breaker of a dependency that is reached through a connection: closed while there is one, open while there is none,
//! half-open while a probe tries to make one. Requests only ask whether it is closed; the probe alone closes it. Not here:
//! how a connection is made.

use parking_lot::Mutex;

/// See the module.
pub(crate) struct Breaker<C> {
    dependency: &'static str,
    state: Mutex<State<C>>,
}

struct State<C> {
    closed: Option<Permit<C>>,
    /// How often it has been closed.
    rounds: u64,
}

/// What a request gets while the breaker is closed.
#[derive(Clone)]
pub(crate) struct Permit<C> {
    /// The connection, shared.
    pub(crate) connection: C,
    round: u64,
}

impl<C: Clone> Breaker<C> {
    /// Open: nothing is connected yet.
    pub(crate) fn new(dependency: &'static str) -> Self {
        let breaker = Self { dependency, state: Mutex::new(State { closed: None, rounds: 0 }) };
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
        let current = state.closed.as_ref().is_some_and(|permit| permit.round == failed.round);
        if current {
            state.closed = None;
            self.report(2.0);
        }
        current
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

#[cfg(test)]
mod tests {
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
}
