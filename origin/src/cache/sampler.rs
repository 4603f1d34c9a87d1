//! How old the responses are that callers get, measured: now and then one is compared with what the store says of its generations. Not
//! here: the query, or which responses there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use kairos_protocol::UnixMillis;
use kairos_protocol::sync::generation::{Generation, Generations};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Says when it is time for another sample. Who asks reads one number.
pub(super) struct Sampler {
    period_ms: i64,
    next_at: AtomicI64,
    /// A store that does not answer is asked by one sample at a time.
    running: Arc<Semaphore>,
}

/// The right to take one sample.
pub(super) struct Turn {
    _running: OwnedSemaphorePermit,
}

/// What a sample shows.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Staleness {
    /// The response shows what the store has.
    Current,
    /// It was older than what the store had when it was given, for at least so many seconds.
    Older(f64),
    /// Something was written after it was given: what there was then is not known any more.
    Overtaken,
    /// The store did not say, or has less than was given.
    Unknown,
}

impl Sampler {
    /// One sample in each `period` at most; `None` where that is zero.
    pub(super) fn new(period: Duration) -> Option<Self> {
        let period_ms = i64::try_from(period.as_millis()).unwrap_or(i64::MAX);
        let running = Arc::new(Semaphore::new(1));
        (period_ms > 0).then(|| Self { period_ms, next_at: AtomicI64::new(UnixMillis::MIN), running })
    }

    /// Whether one is due at `now`.
    pub(super) fn turn(&self, now: UnixMillis) -> Option<Turn> {
        let next = self.next_at.load(Ordering::Relaxed);
        // One that is further away than a period is from before the clock was set back.
        let is_early = now < next && next - now <= self.period_ms;
        if is_early {
            return None;
        }
        let later = now.saturating_add(self.period_ms);
        self.next_at.compare_exchange(next, later, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        Some(Turn { _running: Arc::clone(&self.running).try_acquire_owned().ok()? })
    }
}

impl Turn {
    /// What was `given` at `given_at`, beside what the store has now.
    pub(super) fn report(self, given: &Generations, stored: Option<&Generations>, given_at: UnixMillis) {
        let staleness = stored.map_or(Staleness::Unknown, |stored| compare(given, stored, given_at));
        let result = match staleness {
            Staleness::Current => "current",
            Staleness::Older(_) => "older",
            Staleness::Overtaken => "overtaken",
            Staleness::Unknown => "unknown",
        };
        metrics::counter!("kairos_staleness_samples_total", "result" => result).increment(1);
        match staleness {
            Staleness::Current => metrics::histogram!("kairos_staleness_seconds").record(0.0),
            Staleness::Older(secs) => metrics::histogram!("kairos_staleness_seconds").record(secs),
            Staleness::Overtaken | Staleness::Unknown => {}
        }
    }
}

/// A number is the time of its write. Where several were made since, the last is known: it was older for at least as long as that.
fn compare(given: &Generations, stored: &Generations, given_at: UnixMillis) -> Staleness {
    if given == stored {
        return Staleness::Current;
    }
    if !stored.satisfies(given) {
        return Staleness::Unknown;
    }
    let newer = stored.iter().filter(|(namespace, number)| given.get(namespace) != Some(*number));
    let oldest = newer.map(|(_, number)| number).min().unwrap_or_default();
    let (oldest, given_at) = (oldest.get(), Generation::at(given_at).get());
    match given_at.checked_sub(oldest) {
        Some(since) => Staleness::Older(Duration::from_micros(since * 1_000 / Generation::PER_MILLI).as_secs_f64()),
        None => Staleness::Overtaken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = 1_790_000_000_000;

    fn written(ms_before: i64) -> Generations {
        Generations::parse(&format!("catalog={}", Generation::at(NOW - ms_before).get()))
    }

    #[test]
    fn a_response_is_older_by_the_time_since_it_was_replaced() {
        for (given, stored, staleness) in [
            (written(9_000), written(9_000), Staleness::Current),
            (written(9_000), written(1_500), Staleness::Older(1.5)),
            (written(9_000), written(0), Staleness::Older(0.0)),
            (written(9_000), written(-1), Staleness::Overtaken),
            (written(9_000), written(9_001), Staleness::Unknown),
        ] {
            assert_eq!(compare(&given, &stored, NOW), staleness, "{given}, then {stored}");
        }
    }

    #[test]
    fn one_sample_in_a_period_and_one_at_a_time() {
        let sampler = Sampler::new(Duration::from_secs(1)).unwrap();
        let first = sampler.turn(NOW).unwrap();
        assert!(sampler.turn(NOW + 999).is_none(), "too early");
        assert!(sampler.turn(NOW + 1_000).is_none(), "the first is not over");
        drop(first);
        assert!(sampler.turn(NOW + 1_999).is_none(), "the period began with the attempt");
        assert!(sampler.turn(NOW + 2_000).is_some());
        assert!(sampler.turn(NOW - 3_600_000).is_some(), "the clock was set back");
        assert!(Sampler::new(Duration::ZERO).is_none());
    }
}
