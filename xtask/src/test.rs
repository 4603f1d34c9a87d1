//! `cargo xtask test`: sets up, builds once, runs every suite against servers of its own, and closes with the counts.

mod counts;
mod node;
mod rust;
mod world;

use std::path::PathBuf;
use std::thread;

use anyhow::{Result, anyhow, bail};
use clap::{Args, ValueEnum};

use crate::build::WasmBuild;
use crate::plan::Plan;
use crate::setup::debian::{self, CHROMIUM, REDIS};
use crate::test::counts::{Counts, Report};
use crate::test::world::World;
use crate::{build, setup};

const EXAMPLES: &str = "Examples:
  cargo xtask test
  cargo xtask test --only rust
  cargo xtask test --only edge --only client
  cargo xtask test --only rust cursor        the Rust tests with `cursor` in their name

Servers: MONGODB_URL and REDIS_URL name running ones. Without them a server of our own is started for the run, from the folder
KAIROS_MONGOD_BIN or the PATH; what is not to be found is skipped, and told at the end.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Only this suite (may be repeated)
    #[arg(long, value_enum, value_name = "SUITE")]
    only: Vec<Suite>,
    /// Only tests whose name contains this
    filter: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// Unit tests of every crate and the end-to-end tests over HTTP
    Rust,
    /// The edge worker in workerd
    Edge,
    /// The browser client as its package, in Chromium
    Client,
    /// The whole system, in Chromium
    Browser,
}

impl Suite {
    fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Edge => "edge",
            Self::Client => "client",
            Self::Browser => "browser",
        }
    }
}

impl Options {
    /// Every suite, every test.
    pub(crate) fn everything() -> Self {
        Self { only: Vec::new(), filter: None }
    }

    fn wants(&self, suite: Suite) -> bool {
        self.only.is_empty() || self.only.contains(&suite)
    }
}

/// # Errors
/// A test failed, nothing ran, a build or a server failed.
pub(crate) fn run(options: &Options, wasm: WasmBuild) -> Result<()> {
    if options.wants(Suite::Rust) || options.wants(Suite::Browser) {
        debian::install_missing(&[REDIS])?;
    }
    if options.wants(Suite::Client) || options.wants(Suite::Browser) {
        debian::install_missing(&[CHROMIUM])?;
    }
    let world = World::start(build_for(options, wasm)?)?;
    let report = run_suites(options, &world)?;
    drop(world);
    report.print();
    let total = report.total();
    println!("{total}");
    if total.failed > 0 || total.passed == 0 {
        bail!(if total.failed > 0 { "tests failed" } else { "no test ran" });
    }
    Ok(())
}

/// Builds what the wanted suites need and no more; the origin's program is for all of them.
fn build_for(options: &Options, wasm: WasmBuild) -> Result<PathBuf> {
    let in_workerd = options.wants(Suite::Edge) || options.wants(Suite::Browser);
    let mut plan = Plan::default();
    if in_workerd || options.wants(Suite::Client) {
        setup::add_steps(&mut plan)?;
        build::client(&mut plan, wasm)?;
    }
    if in_workerd {
        build::edge(&mut plan, wasm)?;
        build::web(&mut plan, wasm)?;
    }
    let origin = build::origin(&mut plan);
    if options.wants(Suite::Rust) {
        build::rust_tests(&mut plan);
    }
    plan.run()?;
    Ok(origin)
}

/// The Rust tests, and beside them the others one after the other: each waits a lot, for clocks, servers and browsers. Every line says
/// whose it is.
fn run_suites(options: &Options, world: &World) -> Result<Report> {
    let run = |suites: &[Suite]| -> Result<Report> {
        let mut report = Report::default();
        for suite in suites.iter().filter(|suite| options.wants(**suite)) {
            let say = |line: &str| println!("{:<7} | {line}", suite.name());
            report.measure(suite.name(), || run_suite(*suite, world, options.filter.as_deref(), &say))?;
        }
        Ok(report)
    };
    thread::scope(|scope| {
        let others = scope.spawn(|| run(&[Suite::Edge, Suite::Client, Suite::Browser]));
        let mut report = run(&[Suite::Rust])?;
        report += others.join().map_err(|_| anyhow!("the tests in JavaScript ended with a panic"))??;
        Ok(report)
    })
}

fn run_suite(suite: Suite, world: &World, filter: Option<&str>, say: &dyn Fn(&str)) -> Result<Counts> {
    match suite {
        Suite::Rust => rust::run(world, filter, say),
        Suite::Client | Suite::Browser if CHROMIUM.find().is_none() => {
            node::skip_all(suite.name(), &CHROMIUM.missing())
        }
        Suite::Edge | Suite::Client => node::run(suite.name(), &world.environment(), filter, say),
        Suite::Browser => {
            let system = world.start_system()?;
            node::run(suite.name(), &[world.environment(), system.environment()].concat(), filter, say)
        }
    }
}
