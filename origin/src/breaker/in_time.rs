//! Waiting for a dependency's reply without blaming it for what held up this process. Not what a reply that is missing leads to.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};

/// A timer that is later than this was held up by this process itself: then the reply may lie there unread.
const LATENESS: Duration = Duration::from_millis(5);
/// How often a reply is waited for in all when this process was held up.
const MOST_ROUNDS: u32 = 5;

/// What `reply` becomes within `limit`. Time in which this thread did not get to look does not count against who was asked (the process was
/// stopped, or the machine has more to do than it can): a timer that fires late shows it.
pub(crate) async fn in_time<F: Future>(limit: Duration, reply: F) -> Option<F::Output> {
    let mut reply = pin!(reply);
    for _ in 0..MOST_ROUNDS {
        let due = Instant::now() + limit;
        if let Ok(reply) = timeout(limit, &mut reply).await {
            return Some(reply);
        }
        if Instant::now() < due + LATENESS {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::oneshot;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn time_in_which_nobody_could_look_does_not_count() {
        let (sender, reply) = oneshot::channel();
        let hold_up = async {
            std::thread::sleep(LIMIT * 3);
            // It has come, but who carries it over has not had its turn when the timer fires.
            tokio::spawn(async { sender.send("late") });
        };
        assert_eq!(tokio::join!(in_time(LIMIT, reply), hold_up).0, Some(Ok("late")));
    }

    #[tokio::test]
    async fn who_does_not_answer_is_not_waited_for() {
        let began = Instant::now();
        assert_eq!(in_time(LIMIT, pending::<()>()).await, None);
        assert!(began.elapsed() >= LIMIT);
    }
}
