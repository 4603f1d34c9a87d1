//! `kairos-origin`: reads the command line and runs the command. What each does stands in `cli`.

use std::process::ExitCode;

use clap::Parser;
use kairos_origin::cli::Command;

#[tokio::main]
async fn main() -> ExitCode {
    match Command::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kairos-origin: {error:#}");
            ExitCode::FAILURE
        }
    }
}
