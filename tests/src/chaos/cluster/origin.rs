//! One `kairos-origin serve` on a fixed port, started again when it dies, as a supervisor would. Not what it is asked.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::Instant;

use super::clock::MovableClock;
use super::target::{Health, Lasting, Target};
use crate::chaos::options::FaultKind;

/// How long one may take to respond after its start. The store may be electing.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Lines of a log that are shown.
const LOGGED: usize = 5;

/// What an origin is started with.
pub(super) struct Plan {
    number: usize,
    program: PathBuf,
    port: u16,
    folder: PathBuf,
    pub(super) mongodb_url: Option<String>,
    pub(super) redis_url: Option<String>,
    pub(super) has_movable_clock: bool,
}

/// A running origin.
pub(super) struct Origin {
    plan: Plan,
    pub(super) clock: Option<MovableClock>,
    child: Child,
    health: watch::Sender<Health>,
}

/// A port that nobody listened on a moment ago.
pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").context("no free port")?.local_addr()?.port())
}

/// Sends a signal to a child that runs.
pub(super) fn signal(child: &Child, signal: Signal) -> Result<()> {
    let id = child.id().context("the process has ended")?;
    kill(Pid::from_raw(i32::try_from(id)?), signal).context("cannot signal a process of ours")
}

impl Plan {
    /// The embedded store in `folder`, no Redis, the machine's clock.
    pub(super) fn new(number: usize, program: &Path, folder: &Path) -> Result<Self> {
        Ok(Self {
            number,
            program: program.to_owned(),
            port: free_port()?,
            folder: folder.to_owned(),
            mongodb_url: None,
            redis_url: None,
            has_movable_clock: false,
        })
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(subcommand).arg("--data").arg(self.folder.join("kairos.db")).env_clear().kill_on_drop(true);
        command.envs(self.mongodb_url.iter().map(|url| ("MONGODB_URL", url)));
        command.envs(self.redis_url.iter().map(|url| ("REDIS_URL", url)));
        command
    }

    fn serve(&self, clock: Option<&MovableClock>) -> Result<Child> {
        let log = self.folder.join(format!("origin-{}.log", self.number));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = self.command("serve");
        // What is checked is how much gets through, not how much is let in.
        command.args(["--rate-limits", "off", "--log", "error", "--listen", &format!("127.0.0.1:{}", self.port)]);
        command.envs(clock.iter().flat_map(|clock| clock.environment()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().context("cannot start the origin")
    }
}

impl Origin {
    /// Starts one and waits until it responds.
    pub(super) async fn start(plan: Plan) -> Result<Self> {
        let file = format!("origin-{}.clock", plan.number);
        let clock = if plan.has_movable_clock { MovableClock::new(&plan.folder, &file)? } else { None };
        let child = plan.serve(clock.as_ref())?;
        let mut origin = Self { plan, clock, child, health: watch::Sender::new(Health::Down) };
        origin.wait_until_it_responds().await?;
        Ok(origin)
    }

    /// It dies at once when the store is away: then it is started again.
    async fn wait_until_it_responds(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        let client = crate::http::client_builder().timeout(Duration::from_secs(2)).build()?;
        let live = format!("{}{}", self.plan.url(), kairos_protocol::api::paths::HEALTH_LIVE);
        loop {
            if client.get(&live).send().await.is_ok_and(|response| response.status().is_success()) {
                self.health.send_replace(Health::Up);
                return Ok(());
            }
            if self.child.try_wait()?.is_some() {
                self.child = self.plan.serve(self.clock.as_ref())?;
            }
            if Instant::now() > deadline {
                bail!("origin {} does not start: {}", self.plan.number, self.last_lines());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The end of its log, which has errors only.
    pub(super) fn last_lines(&self) -> String {
        let log = self.plan.folder.join(format!("origin-{}.log", self.plan.number));
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(LOGGED)..).unwrap_or_default().join("\n")
    }

    /// Where it is asked.
    pub(super) fn target(&self) -> Target {
        Target {
            name: format!("origin-{}", self.plan.number).into(),
            url: self.plan.url().into(),
            is_edge: false,
            origin: self.plan.number,
            health: self.health.subscribe(),
        }
    }

    /// Makes an author's account in its store.
    pub(super) async fn create_author(&self, email: &str, password: &str) -> Result<()> {
        let mut command = self.plan.command("account");
        command.args(["--email", email, "--name", "Author", "--role", "author", "--password-stdin"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(password.as_bytes()).await?;
        }
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            bail!("no author's account: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// Pauses or kills it, and has it back after `lasting`.
    pub(super) async fn inject(&mut self, kind: FaultKind, lasting: Lasting) -> Result<()> {
        if kind == FaultKind::OriginPause {
            self.health.send_replace(Health::Paused);
            signal(&self.child, Signal::SIGSTOP)?;
            lasting.await;
            signal(&self.child, Signal::SIGCONT)?;
            self.health.send_replace(Health::Up);
            return Ok(());
        }
        self.health.send_replace(Health::Down);
        self.child.kill().await?;
        lasting.await;
        self.child = self.plan.serve(self.clock.as_ref())?;
        self.wait_until_it_responds().await
    }
}
