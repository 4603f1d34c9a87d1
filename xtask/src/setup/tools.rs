//! cargo-deny, for `cargo xtask ci`: built from crates.io into `target/tools`. Tools that come from npm are in `package.json`.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use toml::{Table, Value};

use crate::{process, workspace};

const CARGO_DENY: &str = "0.20.2";

/// Where its program is, or will be.
pub(crate) fn cargo_deny() -> PathBuf {
    workspace::target().join("tools/bin/cargo-deny")
}

/// Builds it, unless it is there in this version.
///
/// # Errors
/// The build failed, most often for want of a network.
pub(crate) fn install_cargo_deny() -> Result<()> {
    if is_installed() {
        return Ok(());
    }
    println!("Building cargo-deny {CARGO_DENY} (a few minutes on a small machine, done once)");
    // Without --locked: the lock file that was packed with it is older than the fixes to what it uses.
    let mut cargo = workspace::cargo();
    cargo.args(["install", "--force", &format!("cargo-deny@{CARGO_DENY}")]);
    cargo.arg("--root").arg(workspace::target().join("tools"));
    cargo.env("CARGO_TARGET_DIR", workspace::target().join("tools-build"));
    process::run("cargo install cargo-deny", &mut cargo)
}

/// What cargo itself notes beside the programs it installs.
fn is_installed() -> bool {
    let notes = fs::read_to_string(workspace::target().join("tools/.crates.toml")).unwrap_or_default();
    let installed = notes.parse::<Table>().unwrap_or_default();
    let crates = installed.get("v1").and_then(Value::as_table);
    let prefix = format!("cargo-deny {CARGO_DENY} ");
    crates.is_some_and(|crates| crates.keys().any(|package| package.starts_with(&prefix))) && cargo_deny().is_file()
}
