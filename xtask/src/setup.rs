//! Getting what a command needs before it runs, once: each module checks first and plans nothing when it is there.

pub(crate) mod debian;
pub(crate) mod node;
pub(crate) mod rust;
pub(crate) mod tools;

use anyhow::Result;

use crate::plan::Plan;

/// Plans all that the builds need: the wasm target, the crates, the npm packages.
///
/// # Errors
/// Something is missing that we may not install; the message says what to do.
pub(crate) fn add_steps(plan: &mut Plan) -> Result<()> {
    node::check_version()?;
    rust::add_wasm_target(plan)?;
    rust::add_crates(plan)?;
    node::add_packages(plan)
}
