//! Node and the npm packages of the root `package.json`, as its lock file pins them.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::plan::Plan;
use crate::{process, workspace};

/// Vite asks for this; wrangler 4.80 and the rest run on any Node 20.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// # Errors
/// No Node on the PATH, or one that is too old.
pub(crate) fn check_version() -> Result<()> {
    let (major, minor) = OLDEST_NODE;
    let version = process::run_quietly("node", Command::new("node").arg("--version"), "")
        .map_err(|_| anyhow!("Node is missing: install Node {major}.{minor} or later (https://nodejs.org)"))?;
    if parse_version(&version).is_none_or(|found| found < OLDEST_NODE) {
        bail!("Node {version} is too old: install Node {major}.{minor} or later (https://nodejs.org)");
    }
    if process::find_program("npm").is_none() {
        bail!("npm is missing: install it (it comes with Node from https://nodejs.org)");
    }
    Ok(())
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().trim_start_matches('v').split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The step that installs the packages.
pub(crate) const PACKAGES: &str = "npm packages";

/// Plans `npm ci`, unless what is installed came from this very lock file: what it held is kept beside the packages.
///
/// # Errors
/// The lock file cannot be read.
pub(crate) fn add_packages(plan: &mut Plan) -> Result<()> {
    let lock = fs::read(workspace::root().join("package-lock.json")).context("cannot read package-lock.json")?;
    let installed = workspace::root().join("node_modules/.installed-lock.json");
    if fs::read(&installed).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    plan.add(PACKAGES, &[], move |log| {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(workspace::root());
        log.run("npm ci", &mut npm)?;
        fs::write(&installed, lock).with_context(|| format!("cannot write {}", installed.display()))
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_as_node_prints_them() {
        for (text, version) in [("v20.19.2\n", Some((20, 19))), ("v24.0.0", Some((24, 0))), ("", None), ("v20", None)] {
            assert_eq!(parse_version(text), version, "{text:?}");
        }
    }
}
