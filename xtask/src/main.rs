//! `cargo xtask`: one command for each thing a person does to this workspace. Each gets what it needs by itself, or says in one
//! line what to install. No part of what is shipped lives here.

mod bench;
mod build;
mod chaos;
mod ci;
mod dev;
mod dist;
mod error;
mod generate;
mod plan;
mod process;
mod server;
mod setup;
mod simulate;
mod sizes;
mod stamp;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::build::WasmBuild;
use crate::error::Interrupted;

/// Run, test and check Kaïros.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set up, build and run the whole system on this machine
    Dev(dev::Options),
    /// Build the edge worker, the browser client and the web app as they are shipped
    Build,
    /// Build everything as it is handed to whoever runs it, into target/dist: the origin with the app in it, the edge worker, the npm package
    Dist,
    /// Run every test: Rust, edge worker, browser client, and the whole system in a browser
    Test(test::Options),
    /// Read and write through every tier, break things meanwhile, and check every response
    Chaos(chaos::Options),
    /// Run the browser client's core in made-up worlds in which everything goes wrong, and check what must hold
    Simulate(simulate::Options),
    /// Measure beside a peer in the same run, and print the ratios
    Bench(bench::Options),
    /// Everything that must hold before a change lands: formatting, lints, docs, licences, sizes, tests
    Ci(ci::Options),
    /// Write what is generated from the Rust sources and checked in: the API's description, types and constants for TypeScript
    Generate,
    /// Check the rules of the house: layers, sizes of files and functions, names, leftovers
    Tidy,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = process::listen_for_signals().and_then(|()| match arguments.command {
        Command::Dev(options) => dev::run(&options),
        Command::Build => build::run(),
        Command::Dist => dist::run(),
        Command::Test(options) => test::run(&options, WasmBuild::Dev),
        Command::Chaos(options) => chaos::run(&options),
        Command::Simulate(options) => simulate::run(&options),
        Command::Bench(_) => bench::run(),
        Command::Ci(options) => ci::run(&options),
        Command::Generate => generate::run(),
        Command::Tidy => tidy::run(),
    });
    process::dismiss_watchdog();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("stopped");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
