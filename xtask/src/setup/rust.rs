//! The Rust toolchain: the wasm target beside the host's.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

/// The target of the edge worker and the browser client.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Adds the wasm target when the toolchain lacks it.
///
/// # Errors
/// No rustup to add it with, or no network.
pub(crate) fn add_wasm_target() -> Result<()> {
    let sysroot = process::run_quietly("rustc", Command::new("rustc").args(["--print", "sysroot"]), "")?;
    if Path::new(&sysroot).join("lib/rustlib").join(WASM_TARGET).is_dir() {
        return Ok(());
    }
    if process::find_program("rustup").is_none() {
        bail!(
            "the Rust target {WASM_TARGET} is missing: install rustup (https://rustup.rs), or add the target with your package manager"
        );
    }
    println!("Adding the Rust target {WASM_TARGET}");
    process::run("rustup target add", Command::new("rustup").args(["target", "add", WASM_TARGET]))
}
