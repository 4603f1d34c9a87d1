//! `kairos-bench`: what `cargo xtask bench` runs. It prints as it goes; a figure that falls short is told, and is no error.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use kairos_tests::bench::options::{Options, What};
use kairos_tests::bench::{Programs, origin, peers};
use tokio::signal::unix::{SignalKind, signal};

/// What comes after this line in the document is written anew.
const FIGURES: &str = "## Figures";

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match words.as_slice() {
        [peer, port, url, coding] if peer == peers::CONSTANT => {
            peers::serve_constant(port.parse().unwrap_or_default(), url, coding).await
        }
        _ => measure(&Arguments::parse().options).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Puts the figures into the document that tells of them.
fn write(table: &str) -> anyhow::Result<()> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let file = workspace.join("docs/BENCHMARKS.md");
    let text = std::fs::read_to_string(&file)?;
    let (before, _) =
        text.split_once(FIGURES).ok_or_else(|| anyhow::anyhow!("{} has no `{FIGURES}`", file.display()))?;
    Ok(std::fs::write(file, format!("{before}{FIGURES}\n\n{table}"))?)
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join("kairos-origin"));
    let What::Origin(options) = &options.what;
    let program = options.origin.clone().or_else(|| named("KAIROS_ORIGIN_BIN")).or_else(beside);
    let mongod = named("KAIROS_MONGOD_BIN").map(|folder| folder.join("mongod"));
    let programs = Programs { origin: program.unwrap_or_else(|| "kairos-origin".into()), mongod };
    tokio::select! {
        // What was started ends with whoever holds it.
        _ = interrupt.recv() => anyhow::bail!("stopped"),
        _ = terminate.recv() => anyhow::bail!("stopped"),
        table = origin(options, &programs) => {
            let table = table?;
            println!("\n{table}");
            if options.write {
                write(&table)?;
            }
        }
    }
    Ok(())
}
