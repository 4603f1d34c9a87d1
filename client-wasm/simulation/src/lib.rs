//! A deterministic simulation of the browser client: the core as it is shipped, in a world made up from a seed.

mod app;
mod calm;
mod carry;
mod checks;
mod disk;
mod faults;
mod names;
mod origin;
mod random;
mod scene;
mod search;
mod world;

pub use kairos_client_core::Broken;
pub use scene::{Scene, refusal, study};
pub use search::{Finding, Search, trace};
pub use world::World;
