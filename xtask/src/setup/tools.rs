//! Tools that are built from crates.io into `target/tools`, each in one version. Tools that come from npm are in `package.json`.

use std::fs;

use anyhow::{Context as _, Result};
use toml::{Table, Value};

use crate::{process, workspace};

const WORKER_BUILD: &str = "0.8.7";
const CARGO_DENY: &str = "0.20.2";

/// worker-build, and the wasm-bindgen program that matches the library in `Cargo.lock` (it refuses any other).
///
/// # Errors
/// A build failed, most often for want of a network.
pub(crate) fn install_wasm_tools() -> Result<()> {
    let wasm_bindgen = locked_version("wasm-bindgen")?;
    install(&[("worker-build", WORKER_BUILD), ("wasm-bindgen-cli", &wasm_bindgen)])
}

/// cargo-deny, for `cargo xtask ci`.
///
/// # Errors
/// As for [`install_wasm_tools`].
pub(crate) fn install_cargo_deny() -> Result<()> {
    install(&[("cargo-deny", CARGO_DENY)])
}

fn install(tools: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<_> = tools.iter().filter(|(name, version)| !is_installed(name, version)).collect();
    for (at, (name, version)) in missing.iter().enumerate() {
        println!(
            "Building {name} {version} ({} of {}; a few minutes on a small machine, done once)",
            at + 1,
            missing.len()
        );
        // Without --locked: the lock file that was packed with a tool is older than the fixes to what it uses.
        let mut cargo = workspace::cargo();
        cargo.args(["install", "--force", &format!("{name}@{version}")]);
        cargo.arg("--root").arg(workspace::target().join("tools"));
        cargo.env("CARGO_TARGET_DIR", workspace::target().join("tools-build")).current_dir(workspace::root());
        process::run(&format!("cargo install {name}"), &mut cargo)?;
    }
    Ok(())
}

/// What cargo itself notes beside the programs it installs.
fn is_installed(name: &str, version: &str) -> bool {
    let notes = fs::read_to_string(workspace::target().join("tools/.crates.toml")).unwrap_or_default();
    let installed = notes.parse::<Table>().unwrap_or_default();
    let prefix = format!("{name} {version} ");
    installed.get("v1").and_then(Value::as_table).is_some_and(|crates| {
        crates.iter().any(|(package, programs)| {
            package.starts_with(&prefix)
                && programs.as_array().is_some_and(|programs| {
                    programs.iter().filter_map(Value::as_str).all(|program| workspace::tool(program).is_file())
                })
        })
    })
}

fn locked_version(package: &str) -> Result<String> {
    let lock: Table =
        fs::read_to_string(workspace::root().join("Cargo.lock"))?.parse().context("Cargo.lock is not TOML")?;
    let packages = lock.get("package").and_then(Value::as_array).context("Cargo.lock has no packages")?;
    let found = packages.iter().find(|found| found.get("name").and_then(Value::as_str) == Some(package));
    let version = found.and_then(|found| found.get("version")).and_then(Value::as_str);
    version.map(str::to_owned).with_context(|| format!("{package} is not in Cargo.lock"))
}
