//! The breaker of a model: closed while it answers, open for a while after it failed several times in a row, then half-open: one
//! request tries. Not [`crate::cache`]'s breaker, which is closed by a probe that makes a connection: here there is none to make, a probe
//! would cost as much as an answer, and the time is the environment's.

use std::sync::Arc;

use kairos_protocol::UnixMillis;
use parking_lot::Mutex;

use crate::environment::Clock;

/// Failures in a row that open it.
const FAILURES: u32 = 3;
/// How long it stays open the first time; twice as long after each failed try, up to [`LONGEST_OPEN_MS`].
const FIRST_OPEN_MS: UnixMillis = 5_000;
const LONGEST_OPEN_MS: UnixMillis = 60_000;

/// See the module.
pub(super) struct Breaker {
    dependency: &'static str,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
enum State {
    Closed { failures: u32 },
    Open { until: UnixMillis, open_ms: UnixMillis },
    HalfOpen { open_ms: UnixMillis },
}

/// Leave to make one request. Dropped without an outcome, as when the caller hangs up, it counts as none.
pub(super) struct Permit {
    breaker: Arc<Breaker>,
    is_try: bool,
}

impl Breaker {
    /// Closed. `dependency` is its name in metrics.
    pub(super) fn new(dependency: &'static str, clock: Arc<dyn Clock>) -> Arc<Self> {
        let breaker = Self { dependency, clock, state: Mutex::new(State::Closed { failures: 0 }) };
        breaker.report(0.0);
        Arc::new(breaker)
    }

    /// Leave to make a request, or `None` while it is open.
    pub(super) fn acquire(self: &Arc<Self>) -> Option<Permit> {
        let mut state = self.state.lock();
        let is_try = match *state {
            State::Closed { .. } => false,
            State::Open { until, open_ms } if self.clock.now() >= until => {
                *state = State::HalfOpen { open_ms };
                self.report(1.0);
                true
            }
            State::Open { .. } | State::HalfOpen { .. } => return None,
        };
        Some(Permit { breaker: Arc::clone(self), is_try })
    }

    /// Whether requests are made.
    pub(super) fn is_closed(&self) -> bool {
        matches!(*self.state.lock(), State::Closed { .. })
    }

    fn open(&self, state: &mut State, open_ms: UnixMillis) {
        *state = State::Open { until: self.clock.now() + open_ms, open_ms };
        self.report(2.0);
    }

    /// The gauge: 0 closed, 1 half-open, 2 open.
    fn report(&self, state: f64) {
        metrics::gauge!("kairos_breaker_state", "dependency" => self.dependency).set(state);
    }
}

impl Permit {
    /// The request was answered: closes it.
    pub(super) fn succeed(mut self) {
        self.is_try = false;
        *self.breaker.state.lock() = State::Closed { failures: 0 };
        self.breaker.report(0.0);
    }

    /// It was not. What was sent before it opened counts no more.
    pub(super) fn fail(mut self) {
        let was_try = std::mem::take(&mut self.is_try);
        let mut state = self.breaker.state.lock();
        match *state {
            State::Closed { failures } if failures + 1 < FAILURES => *state = State::Closed { failures: failures + 1 },
            State::Closed { .. } => self.breaker.open(&mut state, FIRST_OPEN_MS),
            State::HalfOpen { open_ms } if was_try => {
                self.breaker.open(&mut state, (open_ms * 2).min(LONGEST_OPEN_MS));
            }
            State::HalfOpen { .. } | State::Open { .. } => {}
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.breaker.state.lock();
        if let State::HalfOpen { open_ms } = *state
            && self.is_try
        {
            // The next request may try at once.
            *state = State::Open { until: self.breaker.clock.now(), open_ms };
            self.breaker.report(2.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    struct Time(AtomicI64);

    impl Clock for Time {
        fn now(&self) -> UnixMillis {
            self.0.load(Ordering::SeqCst)
        }
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_try_at_a_time() {
        let time = Arc::new(Time(AtomicI64::new(0)));
        let breaker = Breaker::new("test", Arc::<Time>::clone(&time));
        let permit = || breaker.acquire().unwrap();
        permit().fail();
        permit().fail();
        permit().succeed();
        permit().fail();
        permit().fail();
        let late = permit();
        permit().fail();
        assert!(!breaker.is_closed() && breaker.acquire().is_none(), "three in a row");
        late.fail();
        time.0.store(FIRST_OPEN_MS, Ordering::SeqCst);
        drop(permit());
        let first_try = permit();
        assert!(breaker.acquire().is_none(), "one tries, after one that hung up");
        first_try.fail();
        time.0.fetch_add(FIRST_OPEN_MS, Ordering::SeqCst);
        assert!(breaker.acquire().is_none(), "open for twice as long");
        time.0.fetch_add(FIRST_OPEN_MS, Ordering::SeqCst);
        permit().succeed();
        assert!(breaker.is_closed());
    }
}
