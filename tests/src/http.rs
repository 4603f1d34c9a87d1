//! Clients for plain HTTP. `reqwest` is built with TLS, and without what TLS computes with, which the process has to choose before any
//! client is made: so tests make their clients here. Not for TLS: these trust nobody.

#![expect(clippy::expect_used, reason = "what a test cannot set up fails it")]

use reqwest::{Client, ClientBuilder, IntoUrl, Response};

/// A client to be completed. It uses no proxy, and does not look for the system's certificates, which not every machine has.
pub fn client_builder() -> ClientBuilder {
    // Only the first in a process counts, and any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().tls_certs_only([])
}

/// A client.
#[must_use]
pub fn client() -> Client {
    client_builder().build().expect("a client")
}

/// `GET`, with a client of its own.
///
/// # Errors
/// There is no response.
pub async fn get(url: impl IntoUrl) -> reqwest::Result<Response> {
    client().get(url).send().await
}
