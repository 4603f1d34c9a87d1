//! `kairos-origin`: reads the command line and runs the command. What each does stands in `cli`.

use std::process::ExitCode;

use clap::Parser;
use kairos_origin::cli::{Command, complain};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let command = Command::parse();
    let is_server = matches!(command, Command::Serve(_));
    let outcome = command.run().await;
    if let Err(error) = &outcome {
        complain(&format!("kairos-origin: {error:#}"));
    }
    if !is_server {
        // The driver of MongoDB says good-bye to the server on tasks of its own, which panic when the runtime ends under them.
        std::process::exit(outcome.is_err().into());
    }
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
