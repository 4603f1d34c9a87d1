//! The parts that are wasm: compiled together, then each bound to JavaScript. Either for this machine, soon, or as they are shipped, small.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, bail};

use crate::plan::{Log, Plan};
use crate::setup::node::PACKAGES;
use crate::setup::rust::{CRATES, TARGET, WASM_TARGET};
use crate::stamp::Stamp;
use crate::workspace;

/// How the wasm parts are built. Both are laid in the same place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum WasmBuild {
    /// Unoptimised, with every check of the dev profile: for `dev` and `test`.
    Dev,
    /// As small as can be: for browsers and the platform, and for `ci`, which tests what is shipped.
    Shipped,
}

const BINDGEN: &str = "kairos-bindgen";
const COMPILED: &str = "wasm modules";
pub(super) const CLIENT: &str = "browser client";
const EDGE: &str = "edge worker";

/// What every wasm part is built from besides its own folder.
const SHARED_SOURCES: [&str; 4] = ["protocol", "xtask/bindgen", "Cargo.lock", "Cargo.toml"];

/// What the modules use anyway; wasm-opt must be told, as it may use no more.
const WASM_FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-exception-handling",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

impl WasmBuild {
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Shipped => "shipped",
        }
    }

    fn profile(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Shipped => "wasm",
        }
    }

    /// How many crates cargo compiles at a time. In `dev` and `test` the origin is built beside this, and takes twice as long.
    fn jobs(self) -> String {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        if self == Self::Dev { cores.div_ceil(2) } else { cores }.to_string()
    }

    fn module(self, package: &str) -> PathBuf {
        let folder = if self == Self::Dev { "debug" } else { self.profile() };
        target().join(WASM_TARGET).join(folder).join(format!("{package}.wasm"))
    }
}

/// A target directory of its own: the builds of the host and of wasm run side by side, and in one directory cargo lets one wait for the
/// other.
fn target() -> PathBuf {
    workspace::target().join("wasm")
}

fn is_stale(part: &str, wasm: WasmBuild, output: &Path, own: &[&str]) -> Result<Option<Stamp>> {
    let stamp = Stamp::new(part, wasm.name());
    let inputs: Vec<PathBuf> = own.iter().chain(&SHARED_SOURCES).map(|path| workspace::root().join(path)).collect();
    Ok((!output.exists() || stamp.is_stale(&inputs)?).then_some(stamp))
}

/// Plans `client-wasm/pkg` when it is not up to date.
///
/// # Errors
/// A source cannot be looked at.
pub(crate) fn client(plan: &mut Plan, wasm: WasmBuild) -> Result<()> {
    let folder = workspace::root().join("client-wasm/pkg");
    let output = folder.join("kairos_client_bg.wasm");
    if let Some(stamp) = is_stale(CLIENT, wasm, &output, &["client-wasm/src", "client-wasm/Cargo.toml"])? {
        compile(plan, wasm);
        plan.add(CLIENT, &[PACKAGES, COMPILED, BINDGEN], move |log| {
            stamp.renew(|| {
                bind(log, "web", &wasm.module("kairos_client"), &folder, "kairos_client")?;
                // The browser has no use for names.
                optimise(log, wasm, &output, &["--strip-debug", "--strip-producers", "--strip-target-features"])
            })
        });
    }
    Ok(())
}

/// Plans `edge/build` when it is not up to date.
///
/// # Errors
/// A source cannot be looked at.
pub(crate) fn edge(plan: &mut Plan, wasm: WasmBuild) -> Result<()> {
    let folder = workspace::root().join("edge/build");
    let entry = workspace::root().join("edge/entry.js");
    let output = folder.join("index.js");
    if let Some(stamp) = is_stale(EDGE, wasm, &output, &["edge/src", "edge/Cargo.toml", "edge/entry.js"])? {
        compile(plan, wasm);
        plan.add(EDGE, &[PACKAGES, COMPILED, BINDGEN], move |log| {
            stamp.renew(|| {
                bind(log, "worker", &wasm.module("kairos_edge"), &folder, "edge")?;
                import_module(&folder.join("edge.js"))?;
                // With its names, which make a stack trace readable and cost no start-up time.
                optimise(log, wasm, &folder.join("edge_bg.wasm"), &["--strip-producers", "--debuginfo"])?;
                fs::copy(&entry, &output).map(drop).context("cannot write edge/build/index.js")
            })
        });
    }
    Ok(())
}

/// Both modules in one run of cargo, and the program that binds them.
fn compile(plan: &mut Plan, wasm: WasmBuild) {
    plan.add(BINDGEN, &[CRATES], move |log| {
        let mut cargo = workspace::cargo();
        cargo.args(["build", "--package", BINDGEN, "--jobs", &wasm.jobs(), "--target-dir"]).arg(target());
        log.run("cargo build", &mut cargo)
    });
    plan.add(COMPILED, &[CRATES, TARGET, BINDGEN], move |log| {
        let mut cargo = workspace::cargo();
        cargo.args([
            "build",
            "--package",
            "kairos-client",
            "--package",
            "kairos-edge",
            "--lib",
            "--jobs",
            &wasm.jobs(),
        ]);
        cargo.args(["--target", WASM_TARGET, "--profile", wasm.profile(), "--target-dir"]).arg(target());
        log.run("cargo build", &mut cargo)
    });
}

fn bind(log: &Log, target_environment: &str, module: &Path, folder: &Path, name: &str) -> Result<()> {
    // What an earlier build left must not be shipped along.
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let mut bindgen = Command::new(target().join("debug").join(BINDGEN));
    log.run(BINDGEN, bindgen.arg(target_environment).arg(module).arg(folder).arg(name))
}

/// The bindings import the module in a way that is not yet everywhere (`import source`); the platform's own is a plain import.
fn import_module(bindings: &Path) -> Result<()> {
    let text = fs::read_to_string(bindings).with_context(|| format!("cannot read {}", bindings.display()))?;
    let parts: Vec<&str> = text.split("import source ").collect();
    if parts.len() != 2 {
        bail!("{} should import its module once", bindings.display());
    }
    fs::write(bindings, parts.join("import ")).with_context(|| format!("cannot write {}", bindings.display()))
}

/// With wasm-opt, what is shipped.
fn optimise(log: &Log, wasm: WasmBuild, module: &Path, manner: &[&str]) -> Result<()> {
    if wasm == WasmBuild::Dev {
        return Ok(());
    }
    let mut optimise = Command::new(workspace::npm_program("wasm-opt"));
    log.run("wasm-opt", optimise.arg("-Os").args(WASM_FEATURES).args(manner).arg(module).arg("-o").arg(module))
}
