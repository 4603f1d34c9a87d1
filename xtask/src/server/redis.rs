//! A Redis server of our own, which keeps nothing on disk.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use crate::process::Task;
use crate::server;

/// A running `redis-server`.
pub(crate) struct RedisServer {
    port: u16,
    _task: Task,
    _folder: TempDir,
}

impl RedisServer {
    /// # Errors
    /// It does not start, or not within 10 s.
    pub(crate) fn start(program: PathBuf) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = server::free_port()?;
        let mut command = Command::new(program);
        command
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path());
        let mut task = Task::start_logged("redis-server", &mut command, &folder.path().join("redis.log"))?;
        task.wait_ready(Duration::from_secs(10), || server::accepts(port))?;
        Ok(Self { port, _task: task, _folder: folder })
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}
