//! How late the process is: how long a connection that has something to read waits until it is read. When there is more to do than the
//! processors can do, requests wait there, where no queue of ours sees them. Not here: what follows from it ([`super::turns`]).
//!
//! The measure is one byte that takes the way of a request: through a socket and the runtime's queue. It is sent while somebody asks, and
//! never when nothing is to do. That it took long once is no overload; that it goes on so is (as in CoDel, RFC 8289).

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::time::Instant;

/// A measure counts for as long as it took, but so long at least,
const LASTS: Duration = Duration::from_millis(10);
/// and so long at most.
const LASTS_AT_MOST: Duration = Duration::from_secs(1);
/// The longest that a request may wait.
const LONGEST: Duration = Duration::from_millis(50);
/// A process that waits longer for so long is late.
const PERSISTS: Duration = Duration::from_millis(200);
/// One that was late so shortly before is late again at once.
const RECENT: Duration = Duration::from_secs(2);

/// See the module.
pub(super) struct Lag {
    /// None where the system has no more sockets: then nothing is known.
    sender: Option<UnixStream>,
    state: Arc<Mutex<State>>,
}

struct State {
    /// The measure under way.
    began: Option<Instant>,
    last: Duration,
    ended: Instant,
    /// Since when each measure was longer than [`LONGEST`].
    long_since: Option<Instant>,
    /// When the process was last known to be late.
    late_at: Option<Instant>,
}

impl Lag {
    /// Within a tokio runtime.
    pub(super) fn new() -> Self {
        let (last, ended) = (Duration::ZERO, Instant::now());
        let state = State { began: None, last, ended, long_since: None, late_at: None };
        let state = Arc::new(Mutex::new(state));
        let sender = UnixStream::pair().ok().map(|(sender, receiver)| {
            tokio::spawn(measure(receiver, Arc::clone(&state)));
            sender
        });
        Self { sender, state }
    }

    /// How long a request waits now, as far as is known: zero where nobody has asked for a while. Begins a measure if none is under way
    /// and the last one is old.
    pub(super) fn now(&self) -> Duration {
        let now = Instant::now();
        let mut state = self.state.lock();
        let is_recent = now.saturating_duration_since(state.ended) < state.last.clamp(LASTS, LASTS_AT_MOST);
        let last = if is_recent { state.last } else { Duration::ZERO };
        if let Some(began) = state.began {
            return now.saturating_duration_since(began).max(last);
        }
        if !is_recent && self.sender.as_ref().is_some_and(|sender| sender.try_write(&[0]).is_ok()) {
            state.began = Some(now);
        }
        last
    }

    /// Whether there is more to do than the processors can do: then nothing more is to begin.
    pub(super) fn is_late(&self) -> bool {
        let lag = self.now();
        self.state.lock().is_late(lag, Instant::now())
    }
}

impl State {
    /// Whether the process is late `now`, when the lag is this.
    fn is_late(&mut self, lag: Duration, now: Instant) -> bool {
        if lag <= LONGEST {
            self.long_since = None;
            return false;
        }
        let long_since = *self.long_since.get_or_insert(now);
        let was_late = self.late_at.is_some_and(|at| now.saturating_duration_since(at) < RECENT);
        let is_late = was_late || now.saturating_duration_since(long_since) >= PERSISTS;
        if is_late {
            self.late_at = Some(now);
        }
        is_late
    }
}

/// Until the sender is gone.
async fn measure(mut receiver: UnixStream, state: Arc<Mutex<State>>) {
    while receiver.read_u8().await.is_ok() {
        let now = Instant::now();
        let mut state = state.lock();
        let last = state.began.take().map_or(Duration::ZERO, |began| now.saturating_duration_since(began));
        (state.last, state.ended) = (last, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: Duration = Duration::from_millis(30);

    /// Until the measure under way is over.
    async fn measured(lag: &Lag) {
        while lag.state.lock().began.is_some() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_keeps_requests_waiting_is_measured_and_counts_for_a_moment() {
        let lag = Lag::new();
        tokio::time::sleep(LASTS).await;
        assert_eq!(lag.now(), Duration::ZERO, "nothing is known yet");
        std::thread::sleep(BUSY);
        assert!(lag.now() >= BUSY, "while it is measured");
        measured(&lag).await;
        let took = lag.state.lock().last;
        assert!(took >= BUSY);
        tokio::time::sleep(took).await;
        assert_eq!(lag.now(), Duration::ZERO, "that was a while ago");
    }

    #[tokio::test]
    async fn one_long_wait_is_no_overload_and_a_lasting_one_is_until_it_ends() {
        let lag = Lag::new();
        let mut state = lag.state.lock();
        let began = Instant::now();
        let mut at = |ms: u64, lag: Duration| state.is_late(lag, began + Duration::from_millis(ms));
        assert!(!at(0, LONGEST * 10), "once");
        assert!(!at(150, LONGEST * 2));
        assert!(!at(160, LONGEST), "it was over before it lasted");
        assert!(!at(170, LONGEST * 2));
        assert!(!at(369, LONGEST * 2));
        assert!(at(370, LONGEST * 2), "it lasted");
        assert!(!at(380, LONGEST), "it is over");
        assert!(at(390, LONGEST * 2), "and is back");
        assert!(!at(400, LONGEST));
        assert!(!at(3_000, LONGEST * 2), "long after that, one long wait is one");
    }
}
