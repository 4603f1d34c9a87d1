//! Faults on a schedule, sessions that read and write through all of it, and a check of every answer, in the manner of Jepsen
//! (Kingsbury, <https://jepsen.io>). `cargo xtask chaos` runs this, and a minute of it is a test.

mod audit;
mod checker;
mod cluster;
mod crew;
mod desk;
mod event;
mod history;
pub mod options;
mod random;
pub mod report;
mod run;
mod schedule;
mod sessions;
mod setup;

pub use cluster::Programs;
pub use run::{Say, run};
