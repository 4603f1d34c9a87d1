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

/// After so long another measure is due.
const DUE: Duration = Duration::from_millis(10);
/// Until there is another, a measure counts for so many times what it took,
const COUNTS_TIMES: u32 = 4;
/// and for so long at most.
const COUNTS_AT_MOST: Duration = Duration::from_secs(1);
/// The longest that a request may wait.
const LONGEST: Duration = Duration::from_millis(50);
/// A process in which measures in a row took longer, and so long together, is late.
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
    /// Since when each measure took longer than [`LONGEST`].
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

    /// Whether there is more to do than the processors can do: then nothing more is to begin. False where nobody has asked for a while.
    pub(super) fn is_late(&self) -> bool {
        let (mut state, now) = (self.state.lock(), Instant::now());
        self.begin_if_due(&mut state, now);
        state.is_late(now)
    }

    /// How long a request waits now, as far as is known.
    pub(super) fn now(&self) -> Duration {
        let (mut state, now) = (self.state.lock(), Instant::now());
        self.begin_if_due(&mut state, now);
        state.lag(now)
    }

    fn begin_if_due(&self, state: &mut State, now: Instant) {
        let is_due = state.began.is_none() && now.saturating_duration_since(state.ended) >= DUE;
        if is_due && self.sender.as_ref().is_some_and(|sender| sender.try_write(&[0]).is_ok()) {
            state.began = Some(now);
        }
    }
}

impl State {
    fn lag(&self, now: Instant) -> Duration {
        let counts = (self.last * COUNTS_TIMES).min(COUNTS_AT_MOST);
        let last = if now.saturating_duration_since(self.ended) <= counts { self.last } else { Duration::ZERO };
        self.began.map_or(last, |began| now.saturating_duration_since(began).max(last))
    }

    /// The measure under way is over.
    fn end(&mut self, now: Instant) {
        let began = self.began.take().unwrap_or(now);
        (self.last, self.ended) = (now.saturating_duration_since(began), now);
        self.long_since = (self.last > LONGEST).then(|| self.long_since.unwrap_or(began));
    }

    fn is_late(&mut self, now: Instant) -> bool {
        if self.lag(now) <= LONGEST {
            return false;
        }
        // The one under way counts as soon as it has taken too long.
        let under_way = self.began.filter(|began| now.saturating_duration_since(*began) > LONGEST);
        let until = if under_way.is_some() { now } else { self.ended };
        let since = self.long_since.or(under_way).unwrap_or(until);
        let was_late = self.late_at.is_some_and(|at| now.saturating_duration_since(at) < RECENT);
        let is_late = was_late || until.saturating_duration_since(since) >= PERSISTS;
        if is_late {
            self.late_at = Some(now);
        }
        is_late
    }
}

/// Until the sender is gone.
async fn measure(mut receiver: UnixStream, state: Arc<Mutex<State>>) {
    while receiver.read_u8().await.is_ok() {
        state.lock().end(Instant::now());
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
    async fn what_keeps_requests_waiting_is_measured_and_counts_for_a_while() {
        let lag = Lag::new();
        tokio::time::sleep(DUE).await;
        assert_eq!(lag.now(), Duration::ZERO, "nothing is known yet");
        std::thread::sleep(BUSY);
        assert!(lag.now() >= BUSY, "while it is measured");
        measured(&lag).await;
        let took = lag.state.lock().last;
        assert!(took >= BUSY);
        let state = lag.state.lock();
        assert_eq!(state.lag(state.ended + took * COUNTS_TIMES), took.min(COUNTS_AT_MOST));
        assert_eq!(state.lag(state.ended + took * COUNTS_TIMES + DUE), Duration::ZERO);
    }

    /// Milliseconds at which measures begin and end.
    fn after(measures: &[(u64, u64)]) -> (State, impl Fn(u64) -> Instant) {
        let start = Instant::now();
        let at = move |ms: u64| start + Duration::from_millis(ms);
        let mut state = State { began: None, last: Duration::ZERO, ended: start, long_since: None, late_at: None };
        for (began, ended) in measures {
            state.began = Some(at(*began));
            state.end(at(*ended));
        }
        (state, at)
    }

    #[test]
    fn one_long_wait_is_no_overload_and_a_lasting_one_is_until_it_ends() {
        let (mut state, at) = after(&[(0, 190)]);
        assert!(!state.is_late(at(600)), "one, however long ago it began");
        let (mut state, at) = after(&[(0, 60), (70, 80), (90, 200)]);
        assert!(!state.is_late(at(201)), "it was over before it lasted");
        let (mut state, at) = after(&[(0, 60), (150, 210)]);
        assert!(state.is_late(at(211)), "two in a row");
        state.began = Some(at(220));
        state.end(at(225));
        assert!(!state.is_late(at(226)), "it is over");
        state.began = Some(at(240));
        state.end(at(300));
        assert!(state.is_late(at(301)), "and is back");
        assert!(!state.is_late(at(3_000)), "nobody has asked for a while");
        let (mut state, at) = after(&[]);
        state.began = Some(at(10));
        assert!(!state.is_late(at(209)));
        assert!(state.is_late(at(210)), "one that does not end");
    }
}
