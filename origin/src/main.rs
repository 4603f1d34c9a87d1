//! `kairos-origin`: reads the command line and runs the command. What each does stands in `cli`.

use std::process::ExitCode;

use clap::Parser;
use kairos_origin::cli::{Command, complain};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match Command::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("kairos-origin: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
