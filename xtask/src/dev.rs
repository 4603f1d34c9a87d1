//! `cargo xtask dev`: the whole system on this machine, from nothing to a URL. Tests are `test`'s affair.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::build::WasmBuild;
use crate::plan::Plan;
use crate::server::edge::EdgeServer;
use crate::server::origin::{AUTHOR, LEARNER, Origin};
use crate::{build, process, setup, workspace};

const EXAMPLES: &str = "Examples:
  cargo xtask dev
  cargo xtask dev --port 9000
  cargo xtask dev --mongodb-url mongodb://localhost/kairos --redis-url redis://localhost";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Port of the one URL to open
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Keep the data in this MongoDB instead of the embedded store
    #[arg(long, value_name = "URL")]
    mongodb_url: Option<String>,
    /// Use this Redis as the second cache of the origin
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
    /// File of the embedded store [default: target/dev/kairos.db]
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
}

/// Builds what is not up to date, starts everything, and stays until it is stopped.
///
/// # Errors
/// Something is missing, does not build or does not start; or a server ended by itself.
pub(crate) fn run(options: &Options) -> Result<()> {
    check_port(options.port)?;
    let folder = workspace::target().join("dev");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let data = options.data.clone().unwrap_or_else(|| folder.join("kairos.db"));
    let mut plan = Plan::default();
    setup::add_steps(&mut plan)?;
    let program = build::origin(&mut plan);
    build::edge(&mut plan, WasmBuild::Dev)?;
    build::web(&mut plan, WasmBuild::Dev)?;
    let origin = Origin {
        program,
        data: std::path::absolute(data)?,
        mongodb_url: options.mongodb_url.clone(),
        redis_url: options.redis_url.clone(),
    };
    seed_once(&mut plan, &origin, &folder);
    plan.run()?;
    println!("Starting the origin and the edge");
    let mut origin = origin.serve(&folder.join("origin.log"))?;
    check_port(options.port)?;
    let mut edge = EdgeServer::start(options.port, &origin.url(), &folder.join("edge"), &folder.join("edge.log"))?;
    greet(&edge.url(), &folder);
    loop {
        origin.task.check_alive()?;
        edge.task.check_alive()?;
        process::tick()?;
    }
}

fn check_port(port: u16) -> Result<()> {
    if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
        bail!("port {port} is in use: choose another with --port");
    }
    Ok(())
}

/// Plans to give a new store its first catalogue and accounts, and to note that.
fn seed_once(plan: &mut Plan, origin: &Origin, folder: &Path) {
    let mut hasher = DefaultHasher::new();
    (&origin.data, &origin.mongodb_url).hash(&mut hasher);
    let note = folder.join(format!("seeded-{:016x}", hasher.finish()));
    let has_store = origin.mongodb_url.is_some() || origin.data.exists();
    if has_store && note.exists() {
        return;
    }
    let origin = origin.clone();
    plan.add("sample catalogue and accounts", &[build::ORIGIN], move |_| {
        origin.seed()?;
        fs::write(&note, "").with_context(|| format!("cannot write {}", note.display()))
    });
}

fn greet(url: &str, folder: &Path) {
    println!("\n  Kaïros is running: {url}\n");
    for (who, account) in [("learner", LEARNER), ("author", AUTHOR)] {
        println!("  {who:<8} {}  {}", account.email, account.password);
    }
    println!("\n  Logs: {}    Stop: Ctrl-C\n", folder.join("*.log").display());
}
