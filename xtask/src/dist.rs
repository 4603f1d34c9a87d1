//! `cargo xtask dist`: what is handed to whoever runs Kaïros, in `target/dist`, with the size of each. Not for development: the whole
//! program is optimised at once, which takes minutes.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::build::{self, WEB, WasmBuild};
use crate::plan::{Log, Plan};
use crate::setup::rust::CRATES;
use crate::{setup, workspace};

const ORIGIN: &str = "origin with the app in it";
/// Of the root's `Cargo.toml`. Not called `dist`: cargo would build it in the folder that this fills.
const PROFILE: &str = "shipped";

/// Builds all parts as they are shipped and lays them in `target/dist`, which is emptied before.
///
/// # Errors
/// Something is missing or does not build.
pub(crate) fn run() -> Result<()> {
    let mut plan = Plan::default();
    setup::add_steps(&mut plan)?;
    build::edge(&mut plan, WasmBuild::Shipped)?;
    build::web(&mut plan, WasmBuild::Shipped)?;
    plan.add(ORIGIN, &[CRATES, WEB], build_origin);
    plan.run()?;
    let folder = workspace::target().join("dist");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    collect(&folder)?;
    print_sizes(&folder)
}

fn build_origin(log: &Log) -> Result<()> {
    let mut cargo = workspace::cargo();
    // Another app than this build's is not what is shipped.
    cargo.env_remove("KAIROS_APP_DIST");
    cargo.args(["build", "--profile", PROFILE, "--package", "kairos-origin", "--features", "app"]);
    log.run("cargo build", cargo.args(["--bin", "kairos-origin"]))
}

fn collect(folder: &Path) -> Result<()> {
    let root = workspace::root();
    put(&workspace::target().join(PROFILE).join("kairos-origin"), &folder.join("kairos-origin"))?;
    // As it lies in the workspace, so that `wrangler deploy` finds all of it there.
    for part in ["wrangler.toml", "edge/build", "web/dist"] {
        put(&root.join(part), &folder.join("edge").join(part))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--pack-destination"]).arg(folder).current_dir(root.join("client-wasm"));
    crate::process::run_quietly("npm pack", &mut npm, "").map(drop)
}

/// A file, or a folder with all that is in it.
fn put(from: &Path, to: &Path) -> Result<()> {
    let cannot = || format!("cannot put {} into {}", from.display(), to.display());
    if from.is_dir() {
        fs::create_dir_all(to).with_context(cannot)?;
        for entry in fs::read_dir(from).with_context(cannot)? {
            let entry = entry?;
            put(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(cannot)?;
    }
    fs::copy(from, to).map(drop).with_context(cannot)
}

/// One line for each thing in `folder`.
fn print_sizes(folder: &Path) -> Result<()> {
    let mut parts: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    parts.sort();
    println!("{:<40}{:>12}{:>12}", format!("in {}", folder.display()), "bytes", "gzipped");
    for part in parts {
        let (bytes, gzipped) = size(&part)?;
        let name = part.file_name().unwrap_or_default().to_string_lossy().into_owned();
        println!("{name:<40}{bytes:>12}{gzipped:>12}");
    }
    Ok(())
}

/// As it is, and each file gzipped.
fn size(path: &Path) -> Result<(u64, u64)> {
    if path.is_dir() {
        let mut sum = (0, 0);
        for entry in fs::read_dir(path)? {
            let (bytes, gzipped) = size(&entry?.path())?;
            sum = (sum.0 + bytes, sum.1 + gzipped);
        }
        return Ok(sum);
    }
    let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&content)?;
    Ok((u64::try_from(content.len())?, u64::try_from(encoder.finish()?.len())?))
}
