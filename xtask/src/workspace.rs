//! Where things are in the workspace, and whether what was built from them is still up to date. Builds nothing itself.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result};

/// The root of the workspace, where `Cargo.toml` and `package.json` stand.
pub(crate) fn root() -> PathBuf {
    let xtask =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    xtask.parent().map_or(xtask.clone(), Path::to_path_buf)
}

/// Cargo's target directory: `CARGO_TARGET_DIR`, else `target`.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |chosen| root().join(chosen))
}

/// Cargo in the root, as if started by hand. `cargo run` tells this program of its own package in variables; build scripts that read such a
/// variable would be run again, and all that depends on them be built again, whenever cargo is started the other way.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root());
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO" {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// A program of an npm package.
pub(crate) fn npm_program(name: &str) -> PathBuf {
    root().join("node_modules/.bin").join(name)
}

/// Whether `output` is missing or older than any of `inputs` (files, or folders with all they hold), as make would say.
pub(crate) fn is_stale(output: &Path, inputs: &[PathBuf]) -> Result<bool> {
    let Ok(built) = fs::metadata(output).and_then(|metadata| metadata.modified()) else {
        return Ok(true);
    };
    for input in inputs {
        if newest_change(input)?.is_some_and(|changed| changed > built) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// When `path` or anything below it last changed. A folder counts too: its time tells of removed files. Nothing there: `None`.
fn newest_change(path: &Path) -> Result<Option<SystemTime>> {
    if !path.exists() {
        return Ok(None);
    }
    let metadata = fs::metadata(path).with_context(|| format!("cannot look at {}", path.display()))?;
    let mut newest = Some(metadata.modified()?);
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            newest = newest.max(newest_change(&entry?.path())?);
        }
    }
    Ok(newest)
}
