//! The edge worker in workerd, with the web app beside it, as `dev` and the browser tests run it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::process::Task;
use crate::{server, workspace};

/// A running `wrangler dev`.
pub(crate) struct EdgeServer {
    port: u16,
    pub(crate) task: Task,
}

impl EdgeServer {
    /// `state` is emptied first: what an earlier run stored would hide what the origin has now.
    ///
    /// # Errors
    /// It does not start, or not within 60 s: the error has its last lines.
    pub(crate) fn start(port: u16, origin_url: &str, state: &Path, log: &Path) -> Result<Self> {
        if state.exists() {
            std::fs::remove_dir_all(state).with_context(|| format!("cannot empty {}", state.display()))?;
        }
        let mut wrangler = Command::new("node");
        wrangler.arg("node_modules/wrangler/bin/wrangler.js").args(["dev", "--local", "--ip", "127.0.0.1"]);
        wrangler.args(["--port", &port.to_string(), "--inspector-port", "0", "--show-interactive-dev-session=false"]);
        wrangler.args(["--var", &format!("ORIGIN_URL:{origin_url}"), "--persist-to"]).arg(state);
        // No telemetry, no questions.
        wrangler.env("WRANGLER_SEND_METRICS", "false").env("CI", "1").current_dir(workspace::root());
        let mut task = Task::start_logged("the edge (wrangler)", &mut wrangler, log)?;
        task.wait_ready(Duration::from_secs(60), || server::answers(port, "/health/live"))?;
        Ok(Self { port, task })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
