//! A Redis of a test's own, that can be stopped, killed, flushed and started again. Not for tests that need no faults: those may
//! share the one at `REDIS_URL` under a prefix of their own.

#![expect(clippy::expect_used, reason = "what a test cannot set up fails it")]

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::skip::skip;

/// A `redis-server` on a port of its own, killed when dropped.
pub struct RedisServer {
    port: u16,
    arguments: Vec<String>,
    /// Where its snapshots go.
    folder: tempfile::TempDir,
    process: Child,
}

/// How long a server may take to answer after it was started.
const START_TIMEOUT: Duration = Duration::from_secs(10);

impl RedisServer {
    /// Starts one, or skips the test when there is no `redis-server` on the path. It writes no snapshot by itself.
    pub async fn start() -> Option<Self> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            skip("redis-server is not on the path");
            return None;
        }
        Some(Self::start_with(&[]).await)
    }

    /// Starts one with more arguments; there must be a `redis-server`.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self::try_start(arguments).await.expect("redis-server starts")
    }

    async fn try_start(arguments: Vec<String>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        // The port is free again when the listener is dropped; should another take it meanwhile, Redis exits and we say so.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = spawn(port, &arguments, folder.path().into())?;
        let mut server = Self { port, arguments, folder, process };
        server.wait_until_it_answers().await?;
        Ok(server)
    }

    /// `redis://127.0.0.1:…`
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Makes the next [`RedisServer::restart`] begin with nothing.
    pub fn forget_snapshot(&self) {
        // There may be none.
        let _ = std::fs::remove_file(self.folder.path().join("dump.rdb"));
    }

    /// Stops it in its tracks: connections stay open, nothing answers.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Kills it at once; connections break.
    pub fn kill(&mut self) {
        self.process.kill().expect("redis-server is ours to kill");
        self.process.wait().expect("and to wait for");
    }

    /// Starts it again after [`RedisServer::kill`], on the same port, with what the last snapshot has.
    pub async fn restart(&mut self) {
        self.process = spawn(self.port, &self.arguments, self.folder.path().into()).expect("redis-server starts");
        self.wait_until_it_answers().await.expect("redis-server answers");
    }

    /// Runs a command on a connection of its own, and gives its reply.
    pub async fn run(&self, command: &[&str]) -> redis::Value {
        let client = redis::Client::open(self.url()).expect("the URL is ours");
        let patient = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(START_TIMEOUT))
            .set_response_timeout(Some(START_TIMEOUT));
        let connection = client.get_multiplexed_async_connection_with_config(&patient).await;
        let mut connection = connection.expect("redis-server answers");
        let mut cmd = redis::Cmd::new();
        for part in command {
            cmd.arg(part);
        }
        cmd.query_async(&mut connection).await.expect("the command is valid")
    }

    fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().expect("there is a kill command");
        assert!(status.success(), "kill {signal} {pid}");
    }

    async fn wait_until_it_answers(&mut self) -> Result<()> {
        let started = Instant::now();
        let client = redis::Client::open(self.url())?;
        loop {
            if let Ok(mut connection) = client.get_multiplexed_async_connection().await {
                let pong: redis::RedisResult<String> = redis::cmd("PING").query_async(&mut connection).await;
                if pong.is_ok() {
                    return Ok(());
                }
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("redis-server exited: {status}");
            }
            if started.elapsed() > START_TIMEOUT {
                bail!("redis-server does not answer");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A sentinel keeps what it knows in its configuration, so that must be a file.
const SENTINEL: &str = "--sentinel";

fn spawn(port: u16, arguments: &[String], folder: PathBuf) -> Result<Child> {
    let port = port.to_string();
    let mut command = Command::new("redis-server");
    if arguments.iter().any(|argument| argument == SENTINEL) {
        std::fs::write(folder.join("sentinel.conf"), format!("port {port}\nbind 127.0.0.1\n"))?;
        command.arg("sentinel.conf");
    } else {
        command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    }
    command
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("redis-server")
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // A frozen process is killed as well; one that is dead already is no error.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
