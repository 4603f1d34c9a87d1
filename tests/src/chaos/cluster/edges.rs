//! Edges in workerd, each in front of one origin, by the harness that the edge's own tests use. Not how they respond.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::target::Target;

const START_TIMEOUT: Duration = Duration::from_secs(120);

/// Running edges. They end when their standard input does: with this, or with our process, however that ends.
pub(super) struct Edges {
    pub(super) targets: Vec<Target>,
    _input: ChildStdin,
    _process: Child,
}

impl Edges {
    /// Starts `count` of them, in front of `origins` in turn.
    pub(super) async fn start(count: usize, origins: &[Target], workspace: &Path) -> Result<Option<Self>> {
        if count == 0 {
            return Ok(None);
        }
        let behind: Vec<&Target> = origins.iter().cycle().take(count).collect();
        let mut command = Command::new("node");
        command.arg(workspace.join("tests/edge/edges.mjs")).args(behind.iter().map(|origin| origin.url.as_ref()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut process = command.spawn().context("cannot start node")?;
        let input = process.stdin.take().context("no pipe")?;
        let mut lines = BufReader::new(process.stdout.take().context("no pipe")?).lines();
        let mut targets = Vec::new();
        for (number, origin) in behind.into_iter().enumerate() {
            let line =
                tokio::time::timeout(START_TIMEOUT, lines.next_line()).await.context("the edges do not start")?;
            let url = line?.context("the edges ended")?;
            let name = format!("edge-{number}").into();
            targets.push(Target { name, url: url.into(), is_edge: true, ..origin.clone() });
        }
        Ok(Some(Self { targets, _input: input, _process: process }))
    }
}
