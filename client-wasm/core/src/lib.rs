//! The browser client's core. DOC

mod cache;
mod coordination;
mod effect;
mod input;
mod json;
mod order;
mod outbox;
mod overlay;
mod query;
mod rules;
mod sender;
mod session;
mod storage;
mod wire;
mod wiring;

pub use cache::Counters;
pub use coordination::Connection;
pub use effect::{Code, Effect, Event, Failure, Fetch, Outcome, Response, SignedOut, Source};
pub use input::{HttpResponse, Input, Lock, Mode, PageEvent};
pub use outbox::{Pending, Rejected};
pub use storage::row::{Guard, Key, Put, Range, Refusal, Row, Store, Transaction};
pub use kairos_protocol::api::operation::{Action, Operation};
pub use wiring::{Config, Core, Status};

#[cfg(feature = "breakable")]
pub use rules::Broken;
