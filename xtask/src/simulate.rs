//! `cargo xtask simulate`: the browser client's core in worlds made up from seeds (`client-wasm/simulation`), for as long as one likes.

use anyhow::Result;

use crate::plan::Plan;
use crate::{build, process};

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// For how long
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// The first world's seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print every event of that world instead
    #[arg(long)]
    trace: bool,
}

/// # Errors
/// It does not build; or something was found, which is printed by then.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut plan = Plan::default();
    let program = build::simulate(&mut plan);
    plan.run()?;
    let mut simulate = std::process::Command::new(program);
    simulate.arg("--minutes").arg(options.minutes.to_string()).arg("--seed").arg(options.seed.to_string());
    simulate.args(options.trace.then_some("--trace"));
    process::run_to_its_own_end("kairos-simulate", &mut simulate)
}
