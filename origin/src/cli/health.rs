//! `kairos-origin health`: whether a server that runs is ready, for what watches over it in a container, where there is no shell.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use kairos_protocol::api::paths;

use super::output::say;

/// Longer than a store that is slow takes, and shorter than whoever asks waits.
const PATIENCE: Duration = Duration::from_secs(4);

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kairos-origin health
  kairos-origin health --listen 127.0.0.1:8080")]
/// Options of `health`.
pub struct HealthCheck {
    /// Where the server listens.
    #[arg(long, env = "KAIROS_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: String,
}

impl HealthCheck {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        // What listens everywhere is reached on this machine itself.
        let address = self.listen.replace("0.0.0.0:", "127.0.0.1:").replace("[::]:", "[::1]:");
        // What TLS computes with: not used, and the client asks for it all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE).build()?;
        let asked = client.get(format!("http://{address}{}", paths::HEALTH_READY)).send().await;
        let reply = asked.with_context(|| format!("nobody answers at {address}"))?;
        let (status, body) = (reply.status(), reply.text().await.unwrap_or_default());
        if !status.is_success() {
            bail!("not ready: {status} {body}");
        }
        say(&body);
        Ok(())
    }
}
