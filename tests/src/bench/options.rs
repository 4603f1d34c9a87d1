//! The options of `cargo xtask bench`. Read twice: by xtask, so that `--help` and a mistyped option end before anything is built, and
//! by the program that does the work. Not what any of it does.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

const EXAMPLES: &str = "Examples:
  cargo xtask bench origin                          everything; some 15 minutes
  cargo xtask bench origin --only hit,redis         two of the groups
  cargo xtask bench origin --seconds 2 --rounds 1   a quick look
  cargo xtask bench origin --write                  puts the figures into docs/BENCHMARKS.md

Loads come from wrk on the same machine; peers are measured in the same run, in turns with ours, and what counts is the ratio: the
median over the rounds. MongoDB is started from the folder KAIROS_MONGOD_BIN or the PATH, Redis, nginx and Varnish from the PATH. What
is not there is left out, and said. Every load ends by itself; Ctrl-C ends everything.";

/// Measure beside a peer
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// What.
    #[command(subcommand)]
    pub what: What,
}

/// What is measured.
#[derive(Clone, Debug, Subcommand)]
pub enum What {
    /// The origin beside bare axum, nginx, Varnish and the bare MongoDB driver
    Origin(OriginOptions),
}

/// Options of `bench origin`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct OriginOptions {
    /// Only these groups
    #[arg(long, value_enum, value_delimiter = ',', value_name = "GROUP,…")]
    pub only: Vec<Group>,
    /// How long each load lasts
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=60))]
    pub seconds: u64,
    /// How often each is measured
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=20))]
    pub rounds: u64,
    /// Measure this program instead of the one that is built
    #[arg(long, value_name = "FILE")]
    pub origin: Option<PathBuf>,
    /// Write the figures into docs/BENCHMARKS.md
    #[arg(long)]
    pub write: bool,
}

/// Figures that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub enum Group {
    /// A cached response to anybody
    Hit,
    /// A cached response to a signed-in learner
    SignedIn,
    /// The same with Redis; and what comes from there
    Redis,
    /// Statistics that nothing has stored
    Uncached,
    /// Ten thousand connections
    Connections,
    /// A Zipf-shaped load with writes
    Zipf,
    /// Bytes and queries
    Bytes,
    /// Twice what it can do
    Overload,
    /// From start to ready, and what it takes when idle
    Start,
}
