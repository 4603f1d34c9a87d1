//! Faults on a schedule, sessions that read and write through all of it, and a check of every response, in the manner of Jepsen
//! (Kingsbury, <https://jepsen.io>). `cargo xtask chaos` runs this, and a minute of it is a test.

mod audit;
mod checker;
mod cluster;
mod event;
mod history;
pub mod options;
mod random;
mod recorder;
pub mod report;
mod run;
mod schedule;
mod sessions;
mod setup;
mod workers;

pub use cluster::Programs;
pub(crate) use cluster::ReplicaSet;
pub use recorder::Say;
pub use run::run;
