//! What Rust code is built with: the wasm target beside the host's, and the crates.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::plan::Plan;
use crate::stamp::Stamp;
use crate::{process, workspace};

/// The target of the edge worker and the browser client.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The step that adds the wasm target.
pub(crate) const TARGET: &str = "Rust target";
/// The step that downloads what `Cargo.lock` names.
pub(crate) const CRATES: &str = "crates";

/// Plans to add the wasm target when the toolchain lacks it.
///
/// # Errors
/// No rustup to add it with.
pub(super) fn add_wasm_target(plan: &mut Plan) -> Result<()> {
    let sysroot = process::run_quietly("rustc", Command::new("rustc").args(["--print", "sysroot"]), "")?;
    if Path::new(&sysroot).join("lib/rustlib").join(WASM_TARGET).is_dir() {
        return Ok(());
    }
    if process::find_program("rustup").is_none() {
        bail!(
            "the Rust target {WASM_TARGET} is missing: install rustup (https://rustup.rs), or add the target with your package manager"
        );
    }
    plan.add(TARGET, &[], |log| {
        log.run("rustup target add", Command::new("rustup").args(["target", "add", WASM_TARGET]))
    });
    Ok(())
}

/// Plans the download of all crates, before the builds that would each wait for it; unless that was done for this `Cargo.lock`.
///
/// # Errors
/// The note of what was downloaded cannot be looked at.
pub(crate) fn add_crates(plan: &mut Plan) -> Result<()> {
    let stamp = Stamp::new(CRATES, "");
    if stamp.is_stale(&["Cargo.lock"].map(|path| workspace::root().join(path)))? {
        plan.add(CRATES, &[], move |log| {
            stamp.renew(|| {
                let mut fetch = workspace::cargo();
                log.run("cargo fetch", fetch.args(["fetch", "--locked", "--target", WASM_TARGET, "--target", &host()?]))
            })
        });
    }
    Ok(())
}

/// The target triple of this machine.
fn host() -> Result<String> {
    process::run_quietly("rustc", Command::new("rustc").args(["--print", "host-tuple"]), "")
}
