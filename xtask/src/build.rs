//! Building each part: the origin, the browser client, the edge worker, the web app. `dev` and `test` share what is built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::setup::rust::WASM_TARGET;
use crate::{process, workspace};

/// What every wasm part is built from besides its own folder.
const SHARED_SOURCES: [&str; 3] = ["protocol", "Cargo.lock", "Cargo.toml"];

/// Features that every current browser has; wasm-opt must be told, as it removes the section that says so.
const WASM_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

fn sources(own: &[&str]) -> Vec<PathBuf> {
    own.iter().chain(&SHARED_SOURCES).map(|path| workspace::root().join(path)).collect()
}

/// Runs `build` for `part` when one of `inputs` changed since it last succeeded, or `output` is gone.
fn when_stale(part: &str, output: &Path, inputs: &[PathBuf], build: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamps = workspace::target().join("built");
    let stamp = stamps.join(part);
    if output.exists() && !workspace::is_stale(&stamp, inputs)? {
        return Ok(());
    }
    println!("Building the {part}");
    fs::create_dir_all(&stamps).with_context(|| format!("cannot create {}", stamps.display()))?;
    // The time that counts is that of the start: what is edited meanwhile is built the next time.
    let started = stamps.join(format!("{part}.started"));
    fs::write(&started, "")?;
    build()?;
    fs::rename(&started, &stamp).with_context(|| format!("cannot write {}", stamp.display()))
}

fn in_root(program: impl Into<PathBuf>) -> Command {
    let mut command = Command::new(program.into());
    command.current_dir(workspace::root());
    command
}

/// Builds the origin and gives the path of its program. The dev profile, in which dependencies are optimised: what is slow (SQL,
/// hashing, compression) runs at full speed, and the tests use the very same build, so that it is made once. With `--workspace` cargo
/// picks the features that the tests will want too.
///
/// # Errors
/// It does not compile.
pub(crate) fn origin() -> Result<PathBuf> {
    println!("Building the origin");
    process::run("cargo build", workspace::cargo().args(["build", "--workspace", "--bin", "kairos-origin"]))?;
    Ok(workspace::target().join("debug/kairos-origin"))
}

/// The programs of a run under faults.
pub(crate) struct ChaosPrograms {
    pub(crate) chaos: PathBuf,
    pub(crate) origin: PathBuf,
}

/// Builds the origin and what `cargo xtask chaos` runs. With `--workspace` for the reason that [`origin`] gives.
///
/// # Errors
/// It does not compile.
pub(crate) fn chaos(release: bool) -> Result<ChaosPrograms> {
    println!("Building the origin and kairos-chaos");
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--workspace", "--bin", "kairos-origin", "--bin", "kairos-chaos"]);
    let folder = workspace::target().join(if release { "release" } else { "debug" });
    process::run("cargo build", cargo.args(release.then_some("--release")))?;
    Ok(ChaosPrograms { chaos: folder.join("kairos-chaos"), origin: folder.join("kairos-origin") })
}

/// Builds `client-wasm/pkg`.
///
/// # Errors
/// It does not compile.
pub(crate) fn client() -> Result<()> {
    let package = workspace::root().join("client-wasm/pkg");
    let wasm = package.join("kairos_client_bg.wasm");
    when_stale("browser client", &wasm, &sources(&["client-wasm/src", "client-wasm/Cargo.toml"]), || {
        build_client(&package, &wasm)
    })
}

fn build_client(package: &Path, wasm: &Path) -> Result<()> {
    let cargo = ["build", "--package", "kairos-client", "--target", WASM_TARGET, "--profile", "wasm"];
    process::run("cargo build", workspace::cargo().args(cargo))?;
    let built = workspace::target().join(WASM_TARGET).join("wasm/kairos_client.wasm");
    let mut bindgen = in_root(workspace::tool("wasm-bindgen"));
    bindgen.args(["--target", "web", "--out-name", "kairos_client", "--out-dir"]).arg(package).arg(built);
    process::run("wasm-bindgen", &mut bindgen)?;
    let mut optimise = in_root(workspace::npm_program("wasm-opt"));
    optimise.arg("-Os").args(WASM_FEATURES).args(["--strip-debug", "--strip-producers", "--strip-target-features"]);
    process::run("wasm-opt", optimise.arg(wasm).arg("-o").arg(wasm))
}

/// Builds `edge/build`. The tools that worker-build would download are given to it instead.
///
/// # Errors
/// It does not compile.
pub(crate) fn edge() -> Result<()> {
    let output = workspace::root().join("edge/build/index.js");
    when_stale("edge worker", &output, &sources(&["edge/src", "edge/Cargo.toml"]), build_edge)
}

fn build_edge() -> Result<()> {
    let mut build = in_root(workspace::tool("worker-build"));
    build.args(["--profile", "wasm", "edge"]);
    build.env("WASM_BINDGEN_BIN", workspace::tool("wasm-bindgen"));
    build.env("WASM_OPT_BIN", workspace::npm_program("wasm-opt"));
    build.env("ESBUILD_BIN", workspace::npm_program("esbuild"));
    process::run("worker-build", &mut build)
}

/// Builds `web/dist`, which has the client in it: [`client`] comes first.
///
/// # Errors
/// It does not compile.
pub(crate) fn web() -> Result<()> {
    let web = workspace::root().join("web");
    let mut inputs: Vec<PathBuf> =
        fs::read_dir(&web)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    inputs.retain(|path| !["dist", "node_modules"].iter().any(|output| path.ends_with(output)));
    inputs.extend(
        ["client-wasm/pkg", "client-wasm/index.js", "package-lock.json"].map(|path| workspace::root().join(path)),
    );
    when_stale("web app", &web.join("dist/index.html"), &inputs, || {
        process::run("vite build", Command::new("npm").args(["run", "--silent", "build"]).current_dir(&web))
    })
}
