//! `cargo xtask bench`: builds what is measured, optimised, gets what measures it, and hands over to `kairos-bench`
//! (`tests/src/bench.rs`), which does the work.

use std::process::Command;

use anyhow::Result;

use crate::plan::Plan;
use crate::server::mongo;
use crate::setup::debian::{self, NGINX, REDIS, VARNISH, WRK};
use crate::{build, process};

#[expect(
    unreachable_pub,
    reason = "the options of kairos-bench: here they are only read to find what is wrong with them"
)]
#[path = "../../tests/src/bench/options.rs"]
mod options;

pub(crate) use options::Options;

/// # Errors
/// Something is missing or does not build.
pub(crate) fn run() -> Result<()> {
    debian::install_missing(&[WRK, REDIS, NGINX, VARNISH])?;
    let mut plan = Plan::default();
    let programs = build::bench(&mut plan);
    plan.run()?;
    let mut bench = Command::new(programs.bench);
    // The same words that we were called with.
    bench.args(std::env::args_os().skip_while(|word| word != "bench").skip(1));
    bench.env("KAIROS_ORIGIN_BIN", programs.origin);
    match mongo::find() {
        Some(mongod) => bench.envs(mongod.parent().map(|folder| ("KAIROS_MONGOD_BIN", folder))),
        None => bench.env_remove("KAIROS_MONGOD_BIN"),
    };
    process::run_to_its_own_end("kairos-bench", &mut bench)
}
