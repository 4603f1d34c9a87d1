//! A minute of `cargo xtask chaos`: sessions and faults on three systems, every response checked. The seeds stand here and are printed, so that
//! what fails can be run again by itself, and for longer.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use clap::Parser;
use kairos_tests::chaos::options::{Options, StoreKind};
use kairos_tests::chaos::{Programs, run};
use kairos_tests::program::program;
use kairos_tests::skip::skip;
use kairos_tests::world::{self, World};
use tokio::sync::Mutex;

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

/// Each run has the machine for itself.
static RUNNING: Mutex<()> = Mutex::const_new(());

fn parse(command_line: &str) -> Options {
    let arguments = std::iter::once("chaos").chain(command_line.split_whitespace());
    Arguments::try_parse_from(arguments).unwrap().options
}

/// Runs what the command line says; nothing may be broken.
async fn check(command_line: &str) {
    let options = parse(command_line);
    if options.has_redis() && Command::new("redis-server").arg("--version").output().is_err() {
        return skip("redis-server is not on the path");
    }
    let store = if options.store == StoreKind::Mongodb { world::StoreKind::Mongo } else { world::StoreKind::Sqlite };
    let (Some(world), Some(origin)) = (World::new(store, false), program()) else { return };
    let mongodb_url = world.mongodb_url().map(str::to_owned);
    let programs = Programs { origin, mongod: None, mongodb_url, workspace: Path::new("..").to_owned() };
    let _running = RUNNING.lock().await;
    let report = run(&options, &programs, Arc::new(|line| println!("{line}")), std::future::pending()).await.unwrap();
    println!("\n{report}");
    assert!(report.reads() > 1_000 && report.operations() > 50, "too little was done to tell anything");
    assert!(report.is_sound(), "again, by itself: cargo xtask chaos {command_line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_mongodb_and_a_redis_that_fails() {
    check(
        "--seed 9 --minutes 0.35 \
         --faults redis-freeze,redis-kill,redis-flush,redis-slow,redis-reset,redis-cut,origin-kill",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_mongodb_and_no_redis() {
    check("--seed 2 --minutes 0.35 --no-redis --faults none").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_sqlite_and_an_origin_that_is_killed() {
    check("--seed 13 --minutes 0.35 --store sqlite --faults origin-kill").await;
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    for (command_line, is_possible) in [
        ("", true),
        ("--faults none", true),
        ("--faults redis-freeze,mongo-step-down,clock", true),
        ("--store sqlite --faults origin-kill", true),
        ("--store sqlite --redis --faults redis-cut", true),
        ("--store sqlite --origins 2", false),
        ("--store sqlite --faults mongo-kill", false),
        ("--no-redis --faults redis-freeze", false),
        ("--origins 1 --faults redis-freeze", false),
        ("--members 1 --faults mongo-step-down", false),
    ] {
        assert_eq!(parse(command_line).check().is_ok(), is_possible, "{command_line}");
    }
}
