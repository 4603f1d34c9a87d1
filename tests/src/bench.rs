//! What `cargo xtask bench` measures: ours and what stands beside it, in one run, as ratios. Never a test: nothing fails because a
//! machine is slow.

mod cores;
mod data;
mod measures;
mod open_loop;
pub mod options;
pub mod peers;
mod process;
mod report;
mod rounds;
mod world;
mod wrk;

use std::path::PathBuf;

use anyhow::{Result, ensure};

use options::{Group, OriginOptions};
use process::find;
use report::Report;
use rounds::Bench;
use world::World;

/// Where programs of ours are.
pub struct Programs {
    /// `kairos-origin`, optimised.
    pub origin: PathBuf,
    /// `mongod`, where there is one.
    pub mongod: Option<PathBuf>,
}

impl OriginOptions {
    /// Whether `group` is measured.
    fn has(&self, group: Group) -> bool {
        self.only.is_empty() || self.only.contains(&group)
    }
}

/// Measures the origin; gives the table, as Markdown.
///
/// # Errors
/// wrk is not installed, or something does not start.
pub async fn origin(options: &OriginOptions, programs: &Programs) -> Result<String> {
    ensure!(find("wrk").is_some(), "wrk is not installed: install it (on Debian: sudo apt-get install wrk)");
    let needs_mongo = [Group::Uncached, Group::Zipf, Group::Bytes, Group::Connections, Group::Overload]
        .iter()
        .any(|group| options.has(*group));
    println!("{}", machine());
    let world = World::start(programs.origin.clone(), programs.mongod.as_deref(), needs_mongo).await?;
    let mut bench = Bench { world: &world, options, report: Report::default() };
    measures::run(&mut bench).await?;
    let short = bench.report.short();
    Ok(format!("{}\n\n{}\n{short} of the goals are missed.\n", machine(), bench.report.table()))
}

/// The machine, in a line.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']);
    format!("{cores} cores ({model}), the load on the same machine; {} learners, the sample catalogue", data::LEARNERS)
}
