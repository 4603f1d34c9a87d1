//! How long a read waits for the store while there is a stored response that it could be given. Not here: whether it may be.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// After this long a read is given a stored response that is not older than its caller has seen, marked, and goes on behind it.
///
/// Long enough that a store which is well is never overtaken (rows P1: 20 ms; an aggregation 200 ms), and short enough that with all that
/// comes before and after it nobody waits for a second.
pub(super) const SOFT_TIMEOUT: Duration = Duration::from_millis(250);
/// A timer that is later than this was held up by this process itself: then the store's reply may lie there unread,
const LATENESS: Duration = Duration::from_millis(5);
/// and it is waited for again, so often in all.
const MOST_ROUNDS: u32 = 3;

/// One read's. It begins when the read has to wait for the first time: who need not wait does not ask for the time.
#[derive(Default)]
pub(super) struct Patience {
    due: Option<Instant>,
    rounds: u32,
}

impl Patience {
    /// What `work` becomes before the time is over; `None` if it did not. Then it may be waited for on.
    pub(super) async fn wait<F: Future>(&mut self, mut work: Pin<&mut F>) -> Option<F::Output> {
        if let Poll::Ready(output) = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
            return Some(output);
        }
        let mut due = *self.due.get_or_insert_with(|| Instant::now() + SOFT_TIMEOUT);
        loop {
            if let Ok(output) = timeout_at(due, work.as_mut()).await {
                return Some(output);
            }
            self.rounds += 1;
            let now = Instant::now();
            if now < due + LATENESS || self.rounds >= MOST_ROUNDS {
                return None;
            }
            due = now + SOFT_TIMEOUT;
            self.due = Some(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn the_time_is_one_for_all_that_a_read_waits_for() {
        let mut patience = Patience::default();
        assert_eq!((patience.wait(pin!(async { 1 })).await, patience.due), (Some(1), None), "nothing to wait for");
        let began = Instant::now();
        assert_eq!(patience.wait(pin!(tokio::time::sleep(SOFT_TIMEOUT / 5))).await, Some(()));
        let due = patience.due;
        assert_eq!(patience.wait(pin!(pending::<()>())).await, None);
        assert!(patience.due == due || patience.rounds > 1, "it began with the first that was waited for");
        assert!(began.elapsed() >= SOFT_TIMEOUT);
    }

    #[tokio::test]
    async fn time_in_which_nobody_could_look_does_not_count() {
        let work = async { tokio::time::sleep(SOFT_TIMEOUT + Duration::from_millis(50)).await };
        let hold_up = async { std::thread::sleep(SOFT_TIMEOUT + Duration::from_millis(20)) };
        let mut patience = Patience::default();
        let mut work = pin!(work);
        let (found, ()) = tokio::join!(patience.wait(work.as_mut()), hold_up);
        assert_eq!(found, Some(()));
    }
}
