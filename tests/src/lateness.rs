//! How much of the time the machine itself was late: tests share it with others, and nobody is to blame for that. Not what is measured
//! with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

const TICK: Duration = Duration::from_millis(10);

/// A clock that stands still while the machine does.
pub struct Lateness {
    total_ms: Arc<AtomicU64>,
    ticking: JoinHandle<()>,
}

/// A moment on it.
#[derive(Clone, Copy)]
pub struct Moment {
    at: Instant,
    late_ms: u64,
}

impl Lateness {
    /// Begins to watch.
    #[must_use]
    pub fn start() -> Self {
        let total_ms = Arc::<AtomicU64>::default();
        let total = Arc::clone(&total_ms);
        let ticking = tokio::spawn(async move {
            loop {
                let began = Instant::now();
                sleep(TICK).await;
                let late = began.elapsed().saturating_sub(TICK * 2);
                total.fetch_add(u64::try_from(late.as_millis()).unwrap_or_default(), Ordering::SeqCst);
            }
        });
        Self { total_ms, ticking }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Moment {
        Moment { at: Instant::now(), late_ms: self.total_ms.load(Ordering::SeqCst) }
    }

    /// The time since `moment`, without what the machine was late by.
    #[must_use]
    pub fn since(&self, moment: Moment) -> Duration {
        let late_ms = self.total_ms.load(Ordering::SeqCst) - moment.late_ms;
        moment.at.elapsed().saturating_sub(Duration::from_millis(late_ms))
    }
}

impl Drop for Lateness {
    fn drop(&mut self) {
        self.ticking.abort();
    }
}
