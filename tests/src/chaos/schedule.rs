//! Which fault comes when, drawn from the seed before anything runs. Not how a fault is made.
//!
//! Faults stand in lanes. Within a lane one ends before the next begins (a Redis that is dead cannot freeze); lanes overlap.

use std::fmt;

use super::options::FaultKind;
use super::random::Random;

/// A fault to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    /// From the start of the run.
    pub(crate) at_ms: u64,
    pub(crate) lasts_ms: u64,
    /// Which origin, where it is about one.
    pub(crate) origin: usize,
    /// By how much a clock is wrong or a byte is late.
    pub(crate) by_ms: i64,
}

/// Faults that come one after the other.
pub(crate) type Lane = Vec<Fault>;

const REDIS: &[FaultKind] = &[FaultKind::RedisFreeze, FaultKind::RedisKill, FaultKind::RedisOld, FaultKind::RedisFlush];
const CONNECTIONS: &[FaultKind] = &[FaultKind::RedisSlow, FaultKind::RedisReset, FaultKind::RedisCut];
const MONGO: &[FaultKind] = &[FaultKind::MongoFreeze, FaultKind::MongoKill, FaultKind::MongoStepDown];
const ORIGINS: &[FaultKind] = &[FaultKind::OriginPause, FaultKind::OriginKill];
const CLOCKS: &[FaultKind] = &[FaultKind::Clock];
/// The kinds of a lane, and how long nothing happens in it between two faults.
const LANES: [(&[FaultKind], u64, u64); 5] = [
    (REDIS, 1_000, 5_000),
    (CONNECTIONS, 1_500, 6_000),
    (MONGO, 6_000, 20_000),
    (ORIGINS, 3_000, 12_000),
    (CLOCKS, 3_000, 12_000),
];

/// The faults of a run that goes on for `length_ms`. All of them end within it.
pub(crate) fn plan(seed: u64, length_ms: u64, kinds: &[FaultKind], origins: usize) -> Vec<Lane> {
    let lanes = LANES.iter().enumerate().map(|(stream, (lane, least_ms, most_ms))| {
        let mut random = Random::new(seed, 1_000_000 + stream as u64);
        let kinds: Vec<FaultKind> = lane.iter().copied().filter(|kind| kinds.contains(kind)).collect();
        let mut faults = Vec::new();
        let mut at_ms = 0;
        while let Some(kind) = random.pick(&kinds) {
            at_ms += random.between(*least_ms, *most_ms);
            let fault = draw(&mut random, *kind, at_ms, origins);
            at_ms += fault.lasts_ms;
            if at_ms > length_ms {
                break;
            }
            faults.push(fault);
        }
        faults
    });
    lanes.filter(|lane| !lane.is_empty()).collect()
}

fn draw(random: &mut Random, kind: FaultKind, at_ms: u64, origins: usize) -> Fault {
    let lasts_ms = match kind {
        FaultKind::None | FaultKind::RedisFlush | FaultKind::RedisReset | FaultKind::MongoStepDown => 0,
        FaultKind::RedisFreeze => random.between(200, 5_000),
        FaultKind::RedisKill | FaultKind::RedisOld => random.between(100, 3_000),
        FaultKind::RedisSlow | FaultKind::RedisCut => random.between(500, 8_000),
        FaultKind::MongoFreeze => random.between(500, 12_000),
        FaultKind::MongoKill => random.between(500, 6_000),
        // One in eight outlasts every time-out: the longest, a request's, is 25 s.
        FaultKind::OriginPause if random.percent(12) => random.between(26_000, 30_000),
        FaultKind::OriginPause => random.between(100, 4_000),
        FaultKind::OriginKill => random.between(0, 3_000),
        FaultKind::Clock => random.between(1_000, 10_000),
    };
    let by_ms = match kind {
        FaultKind::RedisSlow => random.between(5, 300),
        FaultKind::Clock if random.percent(25) => random.between(5_000, 60_000),
        FaultKind::Clock => random.between(50, 5_000),
        _ => 0,
    };
    let by_ms = i64::try_from(by_ms).unwrap_or_default();
    let by_ms = if kind == FaultKind::Clock && random.percent(50) { -by_ms } else { by_ms };
    Fault { kind, at_ms, lasts_ms, origin: random.index(origins), by_ms }
}

impl Fault {
    /// Whether requests to one origin may get no response for it.
    pub(crate) fn stops_origin(&self) -> Option<usize> {
        matches!(self.kind, FaultKind::OriginPause | FaultKind::OriginKill).then_some(self.origin)
    }

    /// Whether the store may be out of reach for it.
    pub(crate) fn stops_store(&self) -> bool {
        MONGO.contains(&self.kind)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (origin, secs) = (self.origin, self.lasts_ms as f64 / 1_000.0);
        match self.kind {
            FaultKind::None => f.write_str("nothing"),
            FaultKind::RedisFreeze => write!(f, "Redis frozen for {secs} s"),
            FaultKind::RedisKill => write!(f, "Redis killed, empty again after {secs} s"),
            FaultKind::RedisOld => write!(f, "Redis killed, back after {secs} s with an older snapshot"),
            FaultKind::RedisFlush => f.write_str("Redis flushed"),
            FaultKind::RedisSlow => write!(f, "Redis {} ms late for origin {origin}, for {secs} s", self.by_ms),
            FaultKind::RedisReset => write!(f, "Redis's connections to origin {origin} broken"),
            FaultKind::RedisCut => write!(f, "Redis out of reach for origin {origin}, for {secs} s"),
            FaultKind::MongoFreeze => write!(f, "MongoDB's primary frozen for {secs} s"),
            FaultKind::MongoKill => write!(f, "MongoDB's primary killed, back after {secs} s"),
            FaultKind::MongoStepDown => f.write_str("MongoDB's primary told to step down"),
            FaultKind::OriginPause => write!(f, "origin {origin} paused for {secs} s"),
            FaultKind::OriginKill => write!(f, "origin {origin} killed, back after {secs} s"),
            FaultKind::Clock => write!(f, "origin {origin}'s clock wrong by {} ms, for {secs} s", self.by_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_faults_and_another_gives_others() {
        let faults = |seed| plan(seed, 600_000, FaultKind::value_variants(), 3);
        assert_eq!(faults(7), faults(7));
        assert_ne!(faults(7), faults(8));
        for lane in faults(7) {
            assert!(lane.len() > 10, "{lane:?}");
            let ends = lane.iter().map(|fault| fault.at_ms + fault.lasts_ms);
            assert!(ends.clone().zip(&lane[1..]).all(|(end, next)| end < next.at_ms), "one at a time: {lane:?}");
            assert!(ends.max() <= Some(600_000), "{lane:?}");
        }
    }

    #[test]
    fn every_kind_comes_and_only_those_that_are_wanted() {
        for kind in FaultKind::value_variants().iter().filter(|kind| **kind != FaultKind::None) {
            let lanes = plan(1, 600_000, &[*kind], 2);
            assert!(lanes.len() == 1 && lanes[0].iter().all(|fault| fault.kind == *kind), "{kind:?}: {lanes:?}");
        }
        assert_eq!(plan(1, 600_000, &[FaultKind::None], 2), Vec::<Lane>::new());
    }
}
