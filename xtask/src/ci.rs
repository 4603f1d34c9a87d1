//! `cargo xtask ci`: everything that must hold before a change lands, in one command. Each check runs even when another failed, so that
//! one run tells all there is to mend.

use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::build::WasmBuild;
use crate::error::Interrupted;
use crate::plan::Plan;
use crate::setup::rust::WASM_TARGET;
use crate::{build, process, setup, sizes, test, tidy, workspace};

const EXAMPLES: &str = "Examples:
  cargo xtask ci
  cargo xtask ci --no-tests        all but the tests";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Leave the tests out
    #[arg(long)]
    no_tests: bool,
}

const CLIPPY: [&str; 5] = ["clippy", "--workspace", "--all-targets", "--quiet", "--keep-going"];
const CLIPPY_WASM: [&str; 9] = [
    "clippy",
    "--quiet",
    "--keep-going",
    "--target",
    WASM_TARGET,
    "--package",
    "kairos-edge",
    "--package",
    "kairos-client",
];
const DENY_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];

type Check = (&'static str, fn() -> Result<()>);

const CHECKS: [Check; 9] = [
    ("formatting", || cargo(&["fmt", "--all", "--check"])),
    ("tidy", tidy::run),
    ("lints on the host", || cargo(&[&CLIPPY[..], &DENY_WARNINGS].concat())),
    ("lints on wasm", || cargo(&[&CLIPPY_WASM[..], &DENY_WARNINGS].concat())),
    ("traces", check_traces),
    ("documentation", document),
    ("licences and sources", deny),
    ("types of the web app", check_types),
    ("sizes", check_sizes),
];

/// # Errors
/// A check or a test failed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut plan = Plan::default();
    setup::add_steps(&mut plan)?;
    plan.run()?;
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        println!("\n== {name}");
        attempt(name, check, &mut failed)?;
    }
    if !options.no_tests {
        attempt("tests", || test::run(&test::Options::everything(), WasmBuild::Shipped), &mut failed)?;
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn attempt(name: &'static str, check: impl FnOnce() -> Result<()>, failed: &mut Vec<&'static str>) -> Result<()> {
    match check() {
        Err(error) if error.is::<Interrupted>() => return Err(error),
        Err(error) => {
            println!("{error:#}");
            failed.push(name);
        }
        Ok(()) => {}
    }
    Ok(())
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let name = format!("cargo {}", arguments.first().copied().unwrap_or_default());
    process::run(&name, workspace::cargo().args(arguments).current_dir(workspace::root()))
}

/// What only a build with the feature `otlp` has: its lints, and its test. That build is made here and nowhere else.
fn check_traces() -> Result<()> {
    const FEATURE: [&str; 2] = ["--features", "kairos-tests/otlp"];
    cargo(&[&CLIPPY[..], &FEATURE, &DENY_WARNINGS].concat())?;
    cargo(&[&["test", "--workspace", "--test", "otlp"][..], &FEATURE].concat())
}

fn document() -> Result<()> {
    let mut rustdoc = workspace::cargo();
    rustdoc.args(["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet", "--keep-going"]);
    process::run("cargo doc", rustdoc.env("RUSTDOCFLAGS", "-D warnings").current_dir(workspace::root()))
}

/// Licences, sources and duplicates only: the advisories are another server's, and a change does not break by what is published there.
fn deny() -> Result<()> {
    setup::tools::install_cargo_deny()?;
    let mut deny = Command::new(setup::tools::cargo_deny());
    deny.args(["--all-features", "check", "--hide-inclusion-graph", "licenses", "sources", "bans"]);
    process::run("cargo deny", deny.current_dir(workspace::root()))
}

fn check_types() -> Result<()> {
    let mut plan = Plan::default();
    build::client(&mut plan, WasmBuild::Shipped)?;
    plan.run()?;
    let mut check = Command::new("npm");
    process::run("tsc", check.args(["run", "--silent", "check"]).current_dir(workspace::root().join("web")))
}

fn check_sizes() -> Result<()> {
    build::run()?;
    sizes::check()
}
