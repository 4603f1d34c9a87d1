//! The browser's cache: responses in memory, on disk and from the network, and an outbox for what the learner does. JavaScript
//! uses it through `index.js`; `kairos-client.d.ts` is its documentation.
//!
//! [`Client`](client::Client) is the surface; `core` is what its parts share. Plain data and decisions, tested on the host:
//! `lru`, `stored_response`, `lookup`, `outbox`, `overlay`, `session`, `sending`, `fetched`, `documents`, `memory_storage`.
//! Adapters to the browser: `environment`, `fetch`, `database`, `locks`, `events`, `json`. Between them: `persistence` (changes as
//! a whole), and what adds methods to `core`: `authentication`, `signed_in`, `reads`, `revalidate`, `query_result`, `replica`,
//! `sync`.

mod authentication;
pub mod client;
mod core;
mod database;
mod documents;
mod environment;
mod error;
mod events;
mod fetch;
mod fetched;
mod json;
mod locks;
mod lookup;
mod lru;
mod memory_storage;
mod outbox;
mod overlay;
mod persistence;
mod query_result;
mod reads;
mod replica;
mod revalidate;
mod sending;
mod session;
mod signed_in;
mod stored_response;
mod sync;
