//! One rate for each of many keys, by the generic cell rate algorithm (the crate `governor`), in memory that is bounded. Not what the
//! keys are.

use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

/// Keys that are told apart: some 4 MB. One is forgotten when it has all of its burst again, so these are the keys of a few seconds.
const MOST_KEYS: usize = 100_000;
/// While there are more, keys share so many rates: neither memory nor what is let through grows.
const SHARED_KEYS: u64 = 1_024;

/// So many at once, and after that so many a minute, evenly spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At once. 0 counts as 1.
    pub burst: u32,
    /// A minute. 0 counts as 1.
    pub per_minute: u32,
}

type Limiter =
    RateLimiter<u64, HashMapStateStore<u64>, MonotonicClock, NoOpMiddleware<<MonotonicClock as Clock>::Instant>>;

/// See the module.
pub(super) struct KeyedLimit {
    limiter: Limiter,
    hasher: RandomState,
    most_keys: usize,
}

impl KeyedLimit {
    pub(super) fn new(rate: Rate) -> Self {
        Self::with_capacity(rate, MOST_KEYS)
    }

    fn with_capacity(rate: Rate, most_keys: usize) -> Self {
        let at_least_one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(at_least_one(rate.per_minute)).allow_burst(at_least_one(rate.burst));
        let limiter = RateLimiter::hashmap_with_clock(quota, MonotonicClock);
        Self { limiter, hasher: RandomState::new(), most_keys }
    }

    /// Counts one for `key`.
    ///
    /// # Errors
    /// How long to wait, when that is one too many; then it is not counted.
    pub(super) fn count(&self, key: &impl Hash) -> Result<(), Duration> {
        // A hash nobody can aim at: however long a key is, it takes as much.
        let mut key = self.hasher.hash_one(key);
        if self.limiter.len() >= self.most_keys {
            key %= SHARED_KEYS;
        }
        self.limiter.check_key(&key).map_err(|refused| refused.wait_time_from(MonotonicClock.now()))
    }

    /// Forgets the keys that have all of their burst again.
    pub(super) fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    #[test]
    fn keys_do_not_pile_up() {
        let limit = KeyedLimit::with_capacity(Rate { burst: 1, per_minute: 1 }, 50);
        let let_through = (0..100_000).filter(|key| limit.count(key).is_ok()).count();
        assert!(limit.limiter.len() <= 50 + 1_024, "{}", limit.limiter.len());
        assert!((50..=50 + 1_024).contains(&let_through), "{let_through}");
    }

    #[test]
    fn who_has_all_of_the_burst_again_is_forgotten_and_nobody_else() {
        let limit = KeyedLimit::new(Rate { burst: 1, per_minute: 60_000 });
        let slow = KeyedLimit::new(Rate { burst: 1, per_minute: 1 });
        assert!(limit.count(&"a").is_ok() && slow.count(&"a").is_ok());
        // Twice the interval.
        sleep(Duration::from_millis(5));
        limit.sweep();
        slow.sweep();
        assert_eq!((limit.limiter.len(), slow.limiter.len()), (0, 1));
        assert!(slow.count(&"a").is_err());
    }
}
