//! Getting what a command needs before it runs, once: each module checks first and does nothing when it is there.

pub(crate) mod debian;
pub(crate) mod node;
pub(crate) mod rust;
pub(crate) mod tools;

use anyhow::Result;

/// All that the builds need: Node and its packages, the wasm target, the wasm tools.
///
/// # Errors
/// Something is missing that we may not install, or an installation failed; the message says what to do.
pub(crate) fn prepare() -> Result<()> {
    node::check_version()?;
    rust::add_wasm_target()?;
    tools::install_wasm_tools()?;
    node::install_packages()
}
