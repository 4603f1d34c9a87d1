//! `cargo xtask chaos`: builds what a run needs and hands it over to `kairos-chaos` (`tests/src/chaos.rs`), which does the work.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Error, Result, bail};

use crate::build::WasmBuild;
use crate::plan::Plan;
use crate::server::mongo;
use crate::setup::debian::{self, FAKETIME, REDIS};
use crate::{build, process, setup, workspace};

#[expect(
    unreachable_pub,
    reason = "the options of kairos-chaos: here they are only read to find what is wrong with them"
)]
#[path = "../../tests/src/chaos/options.rs"]
mod options;

pub(crate) use options::Options;

/// # Errors
/// Something is missing or does not build; or an invariant was broken, which is printed by then.
pub(crate) fn run(options: &Options) -> Result<()> {
    options.check().map_err(Error::msg)?;
    if options.has_redis() {
        debian::install_missing(&[REDIS])?;
    }
    if options.faults().contains(&options::FaultKind::Clock) {
        debian::install_missing(&[FAKETIME])?;
    }
    let mut plan = Plan::default();
    if options.edges > 0 {
        setup::add_steps(&mut plan)?;
        build::edge(&mut plan, if options.release { WasmBuild::Shipped } else { WasmBuild::Dev })?;
    }
    let programs = build::chaos(&mut plan, options.release);
    plan.run()?;
    let mut chaos = Command::new(programs.chaos);
    // The same words that we were called with.
    chaos.args(std::env::args_os().skip_while(|word| word != "chaos").skip(1));
    if options.history.is_none() {
        let folder = workspace::target().join("chaos");
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        chaos.arg("--history").arg(folder.join("history.jsonl"));
    }
    chaos.env("KAIROS_ORIGIN_BIN", programs.origin);
    if options.store == options::StoreKind::Mongodb {
        let Some(mongod) = mongo::find() else {
            bail!("no mongod: put it on the PATH, or name its folder in KAIROS_MONGOD_BIN; or choose --store sqlite");
        };
        chaos.envs(mongod.parent().map(|folder| ("KAIROS_MONGOD_BIN", folder)));
    }
    process::run_to_its_own_end("kairos-chaos", &mut chaos)
}
