//! The browser's cache: answers in memory, on disk and from the network, and an outbox for what the learner does. JavaScript
//! uses it through `index.js`; `kairos-client.d.ts` is its documentation.
//!
//! [`Client`](client::Client) is the surface; `core` is what its parts share. Pure, and tested on the host: `lru`, `stored_response`,
//! `lookup`, `outbox`, `overlay`. Adapters to the browser: `environment`, `fetch`, `database`, `locks`, `events`, `json`. Between
//! them: `persistence` (changes as a whole), `signed_in`, `session`, `reads`, `views`, `revalidate`, `replica`, `sync`.

pub mod client;
mod core;
mod database;
mod environment;
mod error;
mod events;
mod fetch;
mod json;
mod locks;
mod lookup;
mod lru;
mod outbox;
mod overlay;
mod persistence;
mod reads;
mod replica;
mod revalidate;
mod session;
mod signed_in;
mod stored_response;
mod sync;
mod views;
