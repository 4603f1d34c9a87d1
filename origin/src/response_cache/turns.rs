//! Loads take turns at the store. How many may be under way follows what the store can do: one more after each window in which all were
//! quick, a tenth fewer when one was slow (AIMD: Chiu and Jain, 1989). Who would have to wait for long is refused at once: a queue that
//! grows makes everybody late and nobody served. Not here: what a load does.
//!
//! Own code: the crates that adapt a limit (`tower-resilience-adaptive`, `tower-acc`) are layers around a service, and refuse by the limit
//! alone; here it counts how long the wait would be, for a turn and for a processor ([`Lag`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use metrics::{Counter, Gauge};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::lag::Lag;

/// Loads under way at once, at first and at most. More would only wait for the same store, each with its response in memory.
const MOST: usize = 256;
/// However slow the store is, so many find out whether it is quick again.
const FEWEST: usize = 4;
/// A load that takes longer is slow: rows P1 give a query 20 ms.
const SLOW: Duration = Duration::from_millis(100);
/// How long a load waits for its turn. With the load itself it stays within what row P1 gives an aggregation, 200 ms.
pub(super) const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// How often a load waits for one.
const LAGS_OF_A_LOAD: u32 = 2;
/// The weight of the last load in the mean time of one.
const WEIGHT: f64 = 0.05;

/// See the module.
pub(super) struct Turns {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    state: Mutex<State>,
    lag: Lag,
    limit: Gauge,
    refused: Counter,
}

struct State {
    /// May have a fraction: it grows by one in as many loads as it lets through.
    limit: f64,
    /// Permits there are, in use or not.
    permits: usize,
    /// Seconds that a load takes, in the mean.
    mean_secs: f64,
    /// No other slow load counts until then: it began before the limit was made smaller.
    settled_at: Instant,
}

/// One load's.
pub(super) struct Turn<'t> {
    turns: &'t Turns,
    permit: Option<OwnedSemaphorePermit>,
    began: Instant,
}

impl Turns {
    pub(super) fn new() -> Self {
        let (limit, refused) = (metrics::gauge!("kairos_loads_limit"), metrics::counter!("kairos_loads_refused_total"));
        limit.set(MOST as f64);
        let (permits, state) = (Arc::new(Semaphore::new(MOST)), Mutex::new(State::new(Instant::now())));
        Self { permits, waiting: AtomicUsize::new(0), state, lag: Lag::new(), limit, refused }
    }

    /// A turn, soon; `None` when it would take, or took, longer than [`LONGEST_WAIT`].
    pub(super) async fn take(&self) -> Option<Turn<'_>> {
        let permit = match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => self.wait().await,
        };
        if permit.is_none() {
            self.refused.increment(1);
        }
        permit.map(|permit| Turn { turns: self, permit: Some(permit), began: Instant::now() })
    }

    /// Whether the process is late. Then the caller is one that was refused.
    pub(super) fn refuse_if_late(&self) -> bool {
        let is_late = self.lag.is_late();
        self.refused.increment(is_late.into());
        is_late
    }

    async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        let place = Place::take(&self.waiting);
        let expected_secs = self.state.lock().wait_secs(place.number);
        if expected_secs > LONGEST_WAIT.as_secs_f64() {
            return None;
        }
        timeout(LONGEST_WAIT, Arc::clone(&self.permits).acquire_owned()).await.ok()?.ok()
    }

    /// A load is over that `began` then. Whether its permit is to stay.
    fn end(&self, began: Instant) -> bool {
        let is_all_in_use = self.permits.available_permits() == 0;
        let (now, lag) = (Instant::now(), self.lag.now());
        // That the process is late is no reason to think that the store is slow.
        let took = now.saturating_duration_since(began).saturating_sub(lag * LAGS_OF_A_LOAD);
        let mut state = self.state.lock();
        state.record(now, took, is_all_in_use);
        self.limit.set(state.limit);
        let wanted = state.limit as usize;
        if state.permits > wanted {
            state.permits -= 1;
            return false;
        }
        self.permits.add_permits(wanted - state.permits);
        state.permits = wanted;
        true
    }
}

impl State {
    fn new(now: Instant) -> Self {
        Self { limit: MOST as f64, permits: MOST, mean_secs: 0.0, settled_at: now }
    }

    /// A load ended `now`, of which the store `took` so much.
    fn record(&mut self, now: Instant, took: Duration, is_all_in_use: bool) {
        self.mean_secs += (took.as_secs_f64() - self.mean_secs) * WEIGHT;
        if took > SLOW {
            if now.checked_sub(took).is_none_or(|began| began >= self.settled_at) {
                self.limit = (self.limit * 0.9).max(FEWEST as f64);
                self.settled_at = now;
            }
        } else if is_all_in_use {
            self.limit = (self.limit + 1.0 / self.limit).min(MOST as f64);
        }
    }

    /// How long the one with this `place` in the queue will wait.
    fn wait_secs(&self, place: usize) -> f64 {
        self.mean_secs * place as f64 / self.limit
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let stays = self.turns.end(self.began);
        if let Some(permit) = self.permit.take().filter(|_| !stays) {
            permit.forget();
        }
    }
}

/// A place among those who wait.
struct Place<'w> {
    waiting: &'w AtomicUsize,
    /// From 1.
    number: usize,
}

impl<'w> Place<'w> {
    fn take(waiting: &'w AtomicUsize) -> Self {
        Self { waiting, number: waiting.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(1);

    /// So many rounds of loads that take so long, as many at once as there may be.
    fn rounds(state: &mut State, now: &mut Instant, took: Duration, rounds: usize) {
        for _ in 0..rounds {
            let at_once = state.limit as usize;
            *now += took;
            (0..at_once).for_each(|_| state.record(*now, took, true));
        }
    }

    #[test]
    fn a_slow_store_is_given_less_at_once_and_more_when_it_is_quick_again() {
        let mut now = Instant::now();
        let mut state = State::new(now);
        rounds(&mut state, &mut now, SLOW * 2, 5);
        assert_eq!(state.limit as usize, 151, "a tenth fewer in each round, however many were slow in it");
        rounds(&mut state, &mut now, SLOW * 2, 100);
        assert_eq!(state.limit as usize, FEWEST);
        rounds(&mut state, &mut now, QUICK, 30);
        assert!((30..=35).contains(&(state.limit as usize)), "about one more in each round: {}", state.limit);
        rounds(&mut state, &mut now, QUICK, MOST);
        assert_eq!(state.limit as usize, MOST, "and no more than that");
    }

    #[test]
    fn nobody_is_let_in_by_a_load_that_waited_for_nothing() {
        let now = Instant::now();
        let mut state = State { limit: 10.0, ..State::new(now) };
        (0..1_000).for_each(|_| state.record(now, QUICK, false));
        assert_eq!(state.limit as usize, 10, "whether more would do is not known");
    }

    #[tokio::test]
    async fn who_would_wait_for_long_is_refused_at_once_and_the_rest_get_their_turn() {
        let turns = Turns::new();
        let mut held = Vec::new();
        for _ in 0..MOST {
            held.push(turns.take().await.expect("there is one"));
        }
        // A third of the time that may be waited, so the queue is three times as long as what is under way.
        turns.state.lock().mean_secs = LONGEST_WAIT.as_secs_f64() / 3.0;
        let waiting: Vec<_> = (0..MOST * 3).map(|_| Box::pin(turns.take())).collect();
        let mut waiting = futures_util::future::join_all(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending(), "all of them wait");
        assert!(
            matches!(futures_util::poll!(Box::pin(turns.take())), std::task::Poll::Ready(None)),
            "one more does not"
        );
        drop(held);
        drop(waiting);
        assert!(turns.take().await.is_some(), "there is room again");
    }

    #[tokio::test]
    async fn who_waits_in_vain_is_refused() {
        let turns = Turns::new();
        let mut held = Vec::new();
        for _ in 0..MOST {
            held.push(turns.take().await.expect("there is one"));
        }
        let began = Instant::now();
        assert!(turns.take().await.is_none());
        assert!(began.elapsed() >= LONGEST_WAIT);
    }
}
