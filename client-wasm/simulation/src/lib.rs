//! A deterministic simulation of the browser client: the core as it is shipped, in a world made up from a seed. The world has tabs that
//! share a disk, locks and a clock, a network, users, and an origin that applies operations through `protocol`'s reducer. What may go wrong,
//! goes wrong at any point: effects are late, lost, doubled, aborted, refused for want of room, or done and not told; tabs and the browser
//! die; pages freeze; clocks jump; locks are refused, stolen or never granted; disks open late or never; versions change.
//!
//! After each event I-ONCE, I-PRIVATE and I-SESSION are checked by what was written, sent and shown; after each storm there is calm, in which
//! everything must be sent and shown within ten minutes. The same seed makes the same world. Not here: whether a driver does what it is told.

mod app;
mod calm;
mod carry;
mod checks;
mod disk;
mod faults;
mod happening;
mod learner;
mod names;
mod origin;
mod random;
mod scene;
mod script;
mod search;
mod tab;
mod world;

pub use kairos_client_core::Broken;
pub use scene::{Scene, refusal, study};
pub use search::{Finding, Search, trace};
pub use world::World;
