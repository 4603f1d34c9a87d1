//! Loads by wrk, and what came of them. Not what is loaded.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use tokio::process::Command;

/// Printed by every script when a load is over.
const DONE: &str = include_str!("done.lua");
/// What comes before our line in wrk's output.
const MARK: &str = "outcome ";
/// How much longer than asked wrk may take.
const SLACK: Duration = Duration::from_secs(30);

/// One load.
pub(super) struct Load {
    pub(super) url: String,
    pub(super) connections: usize,
    pub(super) lasting: Duration,
    /// Lua, which may define `request` and `delay`.
    pub(super) script: String,
}

/// What came of it. Times in milliseconds.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Outcome {
    pub(super) per_sec: f64,
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    /// Connections that broke or were refused, and statuses of 400 and above.
    pub(super) errors: u64,
    /// Responses that took longer than two seconds.
    pub(super) timeouts: u64,
}

impl Load {
    /// A `GET` of `url` with these fields, over and over.
    pub(super) fn get(url: String, fields: &[(&str, &str)], connections: usize, lasting: Duration) -> Self {
        let lines: Vec<String> =
            fields.iter().map(|(name, value)| format!("wrk.headers[{name:?}] = {value:?}")).collect();
        Self { url, connections, lasting, script: lines.join("\n") }
    }

    /// Puts it on, and waits until it is over.
    pub(super) async fn run(&self, folder: &Path) -> Result<Outcome> {
        let file = folder.join("load.lua");
        std::fs::write(&file, format!("{}\n{DONE}", self.script))?;
        let mut wrk = Command::new("wrk");
        wrk.args(["-t2", "--timeout", "2s"]).arg("-s").arg(&file);
        wrk.arg(format!("-c{}", self.connections)).arg(format!("-d{}s", self.lasting.as_secs())).arg(&self.url);
        let output = tokio::time::timeout(self.lasting + SLACK, wrk.kill_on_drop(true).output()).await;
        let output = output.context("wrk does not end")?.context("wrk cannot be started")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let Some(line) = text.lines().find_map(|line| line.strip_prefix(MARK)) else {
            bail!("wrk: {text} {}", String::from_utf8_lossy(&output.stderr));
        };
        Ok(serde_json::from_str(line)?)
    }
}
