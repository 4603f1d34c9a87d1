//! The origin of Kaïros: its API (axum) over a store (embedded or MongoDB) and caches (in process, Redis), and the importers.
//!
//! A request's way: `routes` → `handlers` → `domain` → `store` and `cache`. Only `main` and `cli` name concrete adapters.

pub mod app;
pub mod auth;
mod breaker;
pub mod cache;
pub mod cli;
pub mod domain;
pub mod environment;
pub mod error;
pub mod events;
pub mod extract;
pub mod handlers;
pub mod import;
pub mod limits;
pub mod middleware;
pub mod openapi;
pub mod response_cache;
pub mod routes;
pub mod server;
pub mod service;
pub mod state;
pub mod store;
pub mod telemetry;
pub mod tutor;
pub mod writes;
