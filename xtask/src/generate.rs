//! `cargo xtask generate`: writes all that is generated from the Rust sources and checked in. Tests say when to run it, and fail until
//! then. What the files say is none of its business.

use std::process::Command;

use anyhow::Result;

use crate::setup::node;
use crate::{process, workspace};

/// # Errors
/// The sources do not compile, or Node or its packages are missing.
pub(crate) fn run() -> Result<()> {
    node::check_version()?;
    node::install_packages()?;
    // With the features that the tests are built with, so that neither builds the other's dependencies anew.
    let mut build = workspace::cargo();
    process::run("cargo build", build.args(["build", "--quiet", "--workspace", "--bin", "kairos-generate"]))?;
    process::run("kairos-generate", &mut Command::new(workspace::target().join("debug/kairos-generate")))?;
    let mut types = Command::new("node");
    process::run("node", types.arg("client-wasm/build/api-types.mjs").current_dir(workspace::root()))
}
