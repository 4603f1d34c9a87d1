//! Programs that are measured, or that measure: started on a loopback port, and killed when they are dropped.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// How long one may take until it listens.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A running program that listens.
pub(super) struct Server {
    pub(super) port: u16,
    child: Child,
}

impl Server {
    /// Starts `command` and waits until something listens on `port`.
    pub(super) async fn start(mut command: Command, port: u16, log: &Path) -> Result<Self> {
        let name = command.as_std().get_program().to_string_lossy().into_owned();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        let mut server = Self { port, child };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{name} ended: {status}");
            }
            if began.elapsed() > START_TIMEOUT {
                bail!("{name} does not listen");
            }
            sleep(Duration::from_millis(2)).await;
        }
        Ok(server)
    }

    /// The URL of `path`.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Memory that it has, in MiB.
    pub(super) fn resident_mib(&self) -> Result<f64> {
        let id = self.child.id().context("it has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / 1024.0)
    }

    /// Asks it to end, and waits.
    pub(super) async fn stop(mut self) -> Result<()> {
        let id = self.child.id().context("it has ended")?;
        kill(Pid::from_raw(i32::try_from(id)?), Signal::SIGTERM)?;
        self.child.wait().await?;
        Ok(())
    }
}

/// A port that nobody listened on a moment ago.
pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Where the program `name` is, if anywhere.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let mut folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
    // Where Debian has servers, which is not on everybody's path.
    folders.push("/usr/sbin".into());
    folders.into_iter().map(|folder| folder.join(name)).find(|file| file.is_file())
}
