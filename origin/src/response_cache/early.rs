//! When a response that is still fresh is loaded anew: by chance, and the more likely the nearer its end and the longer its load takes, so
//! that of all who read it one is early enough and the others need not wait. XFetch: Vattani, Chierichetti and Lowenstein, "Optimal
//! Probabilistic Cache Stampede Prevention" (VLDB 2015). Not here: loading it.

use kairos_protocol::UnixMillis;
use kairos_protocol::http::freshness::FreshnessLifetime;

use super::stored_response::Metadata;
use crate::environment::Entropy;

/// Further from its end than that many loads the chance is below one in ten million: nothing is drawn.
const MOST_LOADS: f64 = 16.0;

/// Whether `stored`, which is fresh, is so near its end that chance has a say: [`is_due`].
pub(super) fn is_near_end(stored: &Metadata, lifetime: FreshnessLifetime, now: UnixMillis) -> bool {
    remaining_ms(stored, lifetime, now) <= load_ms(stored) * MOST_LOADS
}

/// Whether `stored`, which is fresh, is to be loaded anew already. To be asked once for each read: each time is a draw.
pub(super) fn is_due(
    stored: &Metadata,
    lifetime: FreshnessLifetime,
    now: UnixMillis,
    entropy: &(impl Entropy + ?Sized),
) -> bool {
    if !is_near_end(stored, lifetime, now) {
        return false;
    }
    let mut drawn = [0; 4];
    entropy.fill(&mut drawn);
    // Above 0 and up to 1.
    let drawn = (f64::from(u32::from_le_bytes(drawn)) + 1.0) / (f64::from(u32::MAX) + 1.0);
    -drawn.ln() * load_ms(stored) >= remaining_ms(stored, lifetime, now)
}

fn remaining_ms(stored: &Metadata, lifetime: FreshnessLifetime, now: UnixMillis) -> f64 {
    let end = stored.generated_at.saturating_add(i64::from(lifetime.fresh_secs) * 1_000);
    f64::from(i32::try_from(end.saturating_sub(now)).unwrap_or(i32::MAX))
}

fn load_ms(stored: &Metadata) -> f64 {
    f64::from(stored.load_micros) / 1_000.0
}

#[cfg(test)]
mod tests {
    use kairos_protocol::sync::generation::Generations;

    use super::*;

    const LIFETIME: FreshnessLifetime = FreshnessLifetime::new(60, 60, 600);
    const NOW: UnixMillis = 1_790_000_000_000;

    struct Scripted(u32);

    impl Entropy for Scripted {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0.to_le_bytes());
        }
    }

    struct Nothing;

    impl Entropy for Nothing {
        fn fill(&self, _: &mut [u8]) {
            panic!("nothing is to be drawn");
        }
    }

    fn stored(remaining_ms: i64, load_ms: u32) -> Metadata {
        let generated_at = NOW + remaining_ms - 60_000;
        Metadata { generations: Generations::default(), module: None, generated_at, load_micros: load_ms * 1_000 }
    }

    #[test]
    fn the_chance_grows_towards_the_end_and_with_the_time_that_a_load_takes() {
        // Drawn e^-1, e^-2 of all there is: refreshed one, two loads before the end.
        let [one, two] = [-1_f64, -2.0].map(|power| Scripted((power.exp() * 4_294_967_296.0) as u32));
        for (remaining_ms, load_ms, by_one, by_two) in [
            (99, 100, true, true),
            (101, 100, false, true),
            (199, 100, false, true),
            (201, 100, false, false),
            (201, 202, true, true),
            (0, 0, true, true),
        ] {
            let is_due = |entropy: &Scripted| is_due(&stored(remaining_ms, load_ms), LIFETIME, NOW, entropy);
            assert_eq!([is_due(&one), is_due(&two)], [by_one, by_two], "{remaining_ms} ms left, {load_ms} ms to load");
        }
    }

    #[test]
    fn far_from_the_end_nothing_is_drawn() {
        for (remaining_ms, load_ms) in [(60_000, 10), (161, 10), (1, 0)] {
            let stored = stored(remaining_ms, load_ms);
            assert!(!is_near_end(&stored, LIFETIME, NOW) && !is_due(&stored, LIFETIME, NOW, &Nothing));
        }
    }
}
