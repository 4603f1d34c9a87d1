//! `kairos-bench`: what `cargo xtask bench` runs. It prints as it goes; a figure that falls short is told, and is no error.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use kairos_tests::bench::options::{Options, What};
use kairos_tests::bench::{Programs, origin, peers};
use tokio::signal::unix::{SignalKind, signal};

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
        table = origin(options, &programs) => println!("\n{}", table?),
    }
    Ok(())
}
