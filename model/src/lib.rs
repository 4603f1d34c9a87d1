//! A model of how the origin's caches stay true (docs/ARCHITECTURE.md, "The model"): the rules of the protocol, in worlds of
//! a few callers, instances, writes and faults, all of whose states are walked through. Nothing of the origin's code runs here:
//! what is checked are its rules, not that it keeps them.
#![expect(clippy::indexing_slicing, reason = "indices are the names of sessions, instances and numbers of one world")]

mod checker;
mod direct;
mod faults;
mod former;
mod lease;
mod modules;
mod protocol;
mod reads;
mod redis;
mod refresh;
pub mod rules;
mod step;
mod world;
mod writes;

pub use checker::{Counterexample, Walk};
pub use world::Property;

use protocol::Protocol;
use rules::{Rules, Scope};

/// Walks through everything that can happen under `rules` within `scope`, or up to the first breach.
#[must_use]
pub fn check(rules: Rules, scope: Scope) -> Walk<Property> {
    checker::walk(&Protocol { rules, scope })
}

/// Looks for a breach of `property` under the protocol that there was before, with two instances and a write; with or without
/// a Redis from which one of them may be cut off; with or without loads that are late.
#[must_use]
pub fn check_former(redis: bool, prompt: bool, property: Property) -> Walk<Property> {
    checker::walk(&former::Former { redis, prompt, property })
}
