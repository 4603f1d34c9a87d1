//! Pauses of chance, so that those who met do not meet again. Not what is tried again, or how often.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Between the half of `pause` and all of it. The standard library's random keys are good enough: nothing depends on what they are.
pub(super) fn jittered(pause: Duration) -> Duration {
    let drawn = RandomState::new().hash_one(()) as u32;
    pause.mul_f64(0.5 + 0.5 * f64::from(drawn) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn pauses_differ_within_their_bounds() {
        let longest = Duration::from_millis(100);
        let pauses: BTreeSet<Duration> = (0..100).map(|_| jittered(longest)).collect();
        assert!(pauses.len() > 50, "{pauses:?}");
        assert!(pauses.iter().all(|pause| (longest / 2..=longest).contains(pause)), "{pauses:?}");
    }
}
