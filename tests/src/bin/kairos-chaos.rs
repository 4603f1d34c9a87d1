//! `kairos-chaos`: what `cargo xtask chaos` runs. It prints as it goes, and ends with 1 when an invariant was broken.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use kairos_tests::chaos::options::Options;
use kairos_tests::chaos::{Programs, run};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Arguments::parse().options;
    match find_out(&options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether nothing was broken.
async fn find_out(options: &Options) -> anyhow::Result<bool> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    };
    let say = Arc::new(|line: &str| println!("{line}"));
    let report = run(options, &programs(), say, stop).await?;
    println!("\n{report}");
    Ok(report.is_sound())
}

/// Those that xtask names, else those beside this one.
fn programs() -> Programs {
    let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join("kairos-origin"));
    let origin = named("KAIROS_ORIGIN_BIN").or_else(beside).unwrap_or_else(|| "kairos-origin".into());
    let mongod = named("KAIROS_MONGOD_BIN").map(|folder| folder.join("mongod"));
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned();
    Programs { origin, mongod, mongodb_url: None, workspace }
}
