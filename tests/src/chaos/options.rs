//! The options of `cargo xtask chaos`. Read twice: by xtask, so that `--help` and a mistyped option end before anything is
//! built, and by the program that does the work. Not what any of it does.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

const EXAMPLES: &str = "Examples:
  cargo xtask chaos                                        a minute: two origins, MongoDB (three members), Redis, all faults
  cargo xtask chaos --minutes 10 --edges 2
  cargo xtask chaos --minutes 10 --no-redis
  cargo xtask chaos --no-redis --faults none               coherence without any fault
  cargo xtask chaos --store sqlite --faults origin-kill
  cargo xtask chaos --seed 42 --faults redis-freeze,redis-kill

A run is set by its seed, which is printed: the same seed and options give the same faults at the same times, and sessions that
choose the same. The machine's own timing is not repeated.

MongoDB is started from the folder KAIROS_MONGOD_BIN or the PATH, Redis from the PATH, each on a loopback port, with data that go
with it. A wrong clock takes libfaketime (on Debian: faketime), which KAIROS_LIBFAKETIME may name.

It ends with a non-zero status when an invariant of docs/ARCHITECTURE.md was broken. Ctrl-C ends it early, with the result so far.";

/// Read and write through every tier, break things meanwhile, and check every response
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// How long sessions go on
    #[arg(long, default_value_t = 1.0, value_name = "N", value_parser = parse_minutes)]
    pub minutes: f64,
    /// What faults and choices are drawn from [default: another each time]
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Origins on the same store [default: 2, with SQLite 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=8))]
    pub origins: Option<u8>,
    /// Edges in workerd, each in front of one origin
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=8))]
    pub edges: u8,
    /// Where the data is
    #[arg(long, value_enum, default_value_t = StoreKind::Mongodb)]
    pub store: StoreKind,
    /// Members of MongoDB's replica set
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub members: u8,
    /// Share the origins' caches through a Redis [default: as long as there are several origins]
    #[arg(long, conflicts_with = "no_redis")]
    pub redis: bool,
    /// No Redis
    #[arg(long)]
    pub no_redis: bool,
    /// Only these faults, or `none` [default: all that this system can have]
    #[arg(long, value_delimiter = ',', value_name = "FAULT,…", value_enum)]
    pub faults: Vec<FaultKind>,
    /// Sessions that read and write at once
    #[arg(long, default_value_t = 24, value_name = "N", value_parser = clap::value_parser!(u16).range(4..=1000))]
    pub sessions: u16,
    /// Write every request, response and fault into this file, one JSON object a line [default: target/chaos/history.jsonl]
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// Build with optimisations first
    #[arg(long)]
    pub release: bool,
}

/// A store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StoreKind {
    /// A replica set of our own
    Mongodb,
    /// The embedded store, which is for one origin
    Sqlite,
}

/// Something that breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub enum FaultKind {
    /// Nothing
    None,
    /// Redis stands still, for up to 5 s
    RedisFreeze,
    /// Redis dies and comes back empty
    RedisKill,
    /// Redis dies and comes back as it was some seconds before
    RedisOld,
    /// Redis loses all its data
    RedisFlush,
    /// Every byte between one origin and Redis is late
    RedisSlow,
    /// The connections between one origin and Redis break
    RedisReset,
    /// One origin cannot reach Redis
    RedisCut,
    /// MongoDB's primary stands still
    MongoFreeze,
    /// MongoDB's primary dies and comes back
    MongoKill,
    /// MongoDB's primary steps down
    MongoStepDown,
    /// An origin stands still, now and then for longer than any time-out
    OriginPause,
    /// An origin dies and comes back
    OriginKill,
    /// An origin's clock is wrong, by up to a minute (needs libfaketime)
    Clock,
}

fn parse_minutes(text: &str) -> Result<f64, String> {
    let minutes = text.parse().ok().filter(|minutes| (0.05..=600.0).contains(minutes));
    minutes.ok_or_else(|| "must be 0.05 to 600".to_owned())
}

impl FaultKind {
    /// As it is written on the command line.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl Options {
    /// What of it makes no sense together.
    ///
    /// # Errors
    /// The reason, for people.
    pub fn check(&self) -> Result<(), String> {
        if self.store == StoreKind::Sqlite && self.origins() > 1 {
            return Err("--store sqlite is for one origin".to_owned());
        }
        let possible = self.faults();
        let impossible = self.faults.iter().find(|kind| **kind != FaultKind::None && !possible.contains(kind));
        impossible.map_or(Ok(()), |kind| Err(format!("--faults {}: this system has nothing that could", kind.name())))
    }

    /// How many origins.
    #[must_use]
    pub fn origins(&self) -> usize {
        usize::from(self.origins.unwrap_or(if self.store == StoreKind::Sqlite { 1 } else { 2 }))
    }

    /// Whether there is a Redis.
    #[must_use]
    pub fn has_redis(&self) -> bool {
        self.redis || !self.no_redis && self.origins() > 1
    }

    /// The faults that this system can have, among those that are wanted.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultKind> {
        let wanted = |kind: &FaultKind| self.faults.is_empty() || self.faults.contains(kind);
        let possible = |kind: &FaultKind| match kind {
            FaultKind::None => false,
            FaultKind::RedisFreeze
            | FaultKind::RedisKill
            | FaultKind::RedisOld
            | FaultKind::RedisFlush
            | FaultKind::RedisSlow
            | FaultKind::RedisReset
            | FaultKind::RedisCut => self.has_redis(),
            FaultKind::MongoFreeze | FaultKind::MongoKill => self.store == StoreKind::Mongodb,
            FaultKind::MongoStepDown => self.store == StoreKind::Mongodb && self.members > 1,
            FaultKind::OriginPause | FaultKind::OriginKill | FaultKind::Clock => true,
        };
        FaultKind::value_variants().iter().copied().filter(possible).filter(wanted).collect()
    }
}
