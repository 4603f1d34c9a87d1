//! `cargo xtask generate`: writes all that is generated from the Rust sources and checked in. Tests say when to run it, and fail until
//! then. What the files say is told elsewhere: `tests/src/contracts.rs`, `client-wasm/build/api-types.mjs`.

use std::process::Command;

use anyhow::Result;

use crate::plan::Plan;
use crate::setup::node;
use crate::setup::rust::{self, CRATES};
use crate::{process, workspace};

/// The step that builds what writes the files.
const GENERATOR: &str = "generator";

/// # Errors
/// The sources do not compile, or Node or its packages are missing.
pub(crate) fn run() -> Result<()> {
    let mut plan = Plan::default();
    node::check_version()?;
    node::add_packages(&mut plan)?;
    rust::add_crates(&mut plan)?;
    plan.add(GENERATOR, &[CRATES], |log| {
        // With `--workspace` cargo picks the features that the tests are built with too.
        log.run("cargo build", workspace::cargo().args(["build", "--workspace", "--bin", "kairos-generate"]))
    });
    plan.run()?;
    process::run("kairos-generate", &mut Command::new(workspace::target().join("debug/kairos-generate")))?;
    let mut types = Command::new("node");
    process::run("node", types.arg("client-wasm/build/api-types.mjs").current_dir(workspace::root()))
}
