//! Building each part, as steps of a plan: the origin, the browser client, the edge worker, the web app. `dev` and `test` share what is
//! built.

mod wasm;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

pub(crate) use crate::build::wasm::{WasmBuild, client, edge};
use crate::plan::Plan;
use crate::setup::node::PACKAGES;
use crate::setup::rust::CRATES;
use crate::stamp::Stamp;
use crate::{setup, workspace};

/// The step that builds the origin.
pub(crate) const ORIGIN: &str = "origin";
/// The step that builds the programs of a run under faults.
const CHAOS: &str = "origin and kairos-chaos";
const SIMULATION: &str = "kairos-simulate";
/// The step that compiles what a run of the bench needs.
const BENCH: &str = "origin and kairos-bench";
/// The step that compiles the Rust tests.
const TESTS: &str = "Rust tests";
/// The step that builds the web app.
pub(crate) const WEB: &str = "web app";

/// Builds what travels, to the platform and to browsers, as small as it is shipped.
///
/// # Errors
/// Something is missing or does not build.
pub(crate) fn run() -> Result<()> {
    let mut plan = Plan::default();
    setup::add_steps(&mut plan)?;
    edge(&mut plan, WasmBuild::Shipped)?;
    web(&mut plan, WasmBuild::Shipped)?;
    plan.run()
}

/// Plans the origin and gives the path of its program. The dev profile: what would be slow unoptimised (SQL, hashing, compression) is
/// optimised there, and the tests use the very same build, so that it is made once. With `--workspace` cargo picks the features that the
/// tests will want too.
pub(crate) fn origin(plan: &mut Plan) -> PathBuf {
    plan.add(ORIGIN, &[CRATES], |log| {
        log.run("cargo build", workspace::cargo().args(["build", "--workspace", "--bin", "kairos-origin"]))
    });
    workspace::target().join("debug/kairos-origin")
}

/// Plans the Rust tests, after the origin that they run.
pub(crate) fn rust_tests(plan: &mut Plan) {
    plan.add(TESTS, &[CRATES, ORIGIN], |log| {
        log.run("cargo test", workspace::cargo().args(["test", "--workspace", "--no-run"]))
    });
}

/// The programs of a run under faults.
pub(crate) struct ChaosPrograms {
    pub(crate) chaos: PathBuf,
    pub(crate) origin: PathBuf,
}

/// Plans the origin and what `cargo xtask chaos` runs. With `--workspace` for the reason that [`origin`] gives.
pub(crate) fn chaos(plan: &mut Plan, release: bool) -> ChaosPrograms {
    plan.add(CHAOS, &[CRATES], move |log| {
        let mut cargo = workspace::cargo();
        cargo.args(["build", "--workspace", "--bin", "kairos-origin", "--bin", "kairos-chaos"]);
        log.run("cargo build", cargo.args(release.then_some("--release")))
    });
    let folder = workspace::target().join(if release { "release" } else { "debug" });
    ChaosPrograms { chaos: folder.join("kairos-chaos"), origin: folder.join("kairos-origin") }
}

/// Plans the simulation of the browser client; gives where it will be.
pub(crate) fn simulate(plan: &mut Plan) -> PathBuf {
    plan.add(SIMULATION, &[CRATES], |log| {
        let mut cargo = workspace::cargo();
        cargo.args(["build", "--workspace", "--bin", "kairos-simulate"]);
        log.run("cargo build", &mut cargo)
    });
    workspace::target().join("debug").join("kairos-simulate")
}

/// The programs of [`bench`].
pub(crate) struct BenchPrograms {
    pub(crate) bench: PathBuf,
    pub(crate) origin: PathBuf,
}

/// Plans the origin as it is shipped and what `cargo xtask bench` runs.
pub(crate) fn bench(plan: &mut Plan) -> BenchPrograms {
    plan.add(BENCH, &[CRATES], |log| {
        let mut cargo = workspace::cargo();
        cargo.args(["build", "--workspace", "--release", "--bin", "kairos-origin", "--bin", "kairos-bench"]);
        log.run("cargo build", &mut cargo)
    });
    let folder = workspace::target().join("release");
    BenchPrograms { bench: folder.join("kairos-bench"), origin: folder.join("kairos-origin") }
}

/// Plans `web/dist` when it is not up to date, with the client that is in it.
///
/// # Errors
/// A source cannot be looked at.
pub(crate) fn web(plan: &mut Plan, wasm: WasmBuild) -> Result<()> {
    client(plan, wasm)?;
    let web = workspace::root().join("web");
    let mut inputs: Vec<PathBuf> =
        fs::read_dir(&web)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    inputs.retain(|path| !["dist", "node_modules"].iter().any(|output| path.ends_with(output)));
    inputs.extend(
        ["client-wasm/pkg", "client-wasm/index.js", "client-wasm/contract.js", "package-lock.json"]
            .map(|path| workspace::root().join(path)),
    );
    let stamp = Stamp::new(WEB, "");
    if plan.has(wasm::CLIENT) || !web.join("dist/index.html").exists() || stamp.is_stale(&inputs)? {
        plan.add(WEB, &[PACKAGES, wasm::CLIENT], move |log| {
            stamp.renew(|| {
                log.run("vite build", Command::new("npm").args(["run", "--silent", "build"]).current_dir(&web))
            })
        });
    }
    Ok(())
}
