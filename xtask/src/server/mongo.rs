//! A MongoDB server of our own, a replica set of one, with its data in a folder that goes with it.

mod replica_set;

use std::env;
use std::path::{self, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use crate::process::{self, Task};
use crate::server;

/// A running `mongod`.
pub(crate) struct MongoServer {
    port: u16,
    _task: Task,
    _folder: TempDir,
}

/// Where the program is, from the root: in the folder named by `KAIROS_MONGOD_BIN`, else on the PATH.
pub(crate) fn find() -> Option<PathBuf> {
    let named = env::var_os("KAIROS_MONGOD_BIN").map(|folder| PathBuf::from(folder).join("mongod"));
    let found = named.filter(|program| program.is_file()).or_else(|| process::find_program("mongod"))?;
    path::absolute(found).ok()
}

impl MongoServer {
    /// # Errors
    /// It does not start, or not within 30 s.
    pub(crate) fn start(program: PathBuf) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = server::free_port()?;
        let mut command = Command::new(program);
        command.arg("--dbpath").arg(folder.path()).args(["--port", &port.to_string(), "--bind_ip", "127.0.0.1"]);
        command.args(["--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", "--replSet", replica_set::NAME]);
        // Lets tests make commands fail.
        command.args(["--setParameter", "enableTestCommands=1"]);
        let mut task = Task::start_logged("mongod", &mut command, &folder.path().join("mongod.log"))?;
        task.wait_ready(Duration::from_secs(30), || server::accepts(port))?;
        replica_set::initiate(port)?;
        task.wait_ready(Duration::from_secs(30), || replica_set::takes_writes(port))?;
        Ok(Self { port, _task: task, _folder: folder })
    }

    pub(crate) fn url(&self) -> String {
        format!("mongodb://127.0.0.1:{}", self.port)
    }
}
