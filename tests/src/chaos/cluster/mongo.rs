//! A MongoDB replica set of our own, whose primary can be frozen, killed and told to step down. Not the store that works with it.

use std::future::IntoFuture as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, ServerAddress};
use nix::sys::signal::Signal;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::origin::{free_port, signal};
use super::target::Lasting;
use crate::chaos::options::FaultKind;

const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long without a word from the primary before another is elected.
const ELECTION_TIMEOUT_MS: i32 = 2_000;

/// The members, by number.
pub(crate) struct ReplicaSet {
    program: PathBuf,
    folder: PathBuf,
    members: Vec<Member>,
}

struct Member {
    port: u16,
    process: Mutex<Child>,
    /// To this member alone.
    client: Client,
}

impl ReplicaSet {
    /// Starts `count` members and waits for a primary.
    pub(crate) async fn start(program: &Path, folder: &Path, count: usize) -> Result<Self> {
        let mut members = Vec::new();
        for _ in 0..count {
            let port = free_port()?;
            let process = Mutex::new(spawn(program, folder, port)?);
            members.push(Member { port, process, client: direct_client(port)? });
        }
        let set = Self { program: program.to_owned(), folder: folder.to_owned(), members };
        set.initiate().await?;
        set.wait_for_primary().await?;
        Ok(set)
    }

    /// For the driver.
    pub(crate) fn url(&self) -> String {
        let hosts: Vec<String> = self.members.iter().map(|member| format!("127.0.0.1:{}", member.port)).collect();
        format!("mongodb://{}/kairos?replicaSet=chaos", hosts.join(","))
    }

    /// The processes that run.
    pub(crate) async fn processes(&self) -> Vec<u32> {
        let mut ids = Vec::new();
        for member in &self.members {
            ids.extend(member.process.lock().await.id());
        }
        ids
    }

    async fn initiate(&self) -> Result<()> {
        let first = self.members.first().context("a replica set has members")?;
        let number = |index: usize| i32::try_from(index).unwrap_or_default();
        let hosts = self.members.iter().enumerate();
        let hosts: Vec<Document> = hosts
            .map(|(index, member)| doc! { "_id": number(index), "host": format!("127.0.0.1:{}", member.port) })
            .collect();
        let settings = doc! { "electionTimeoutMillis": ELECTION_TIMEOUT_MS, "heartbeatIntervalMillis": 500 };
        let config = doc! { "_id": "chaos", "members": hosts, "settings": settings };
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let done = first.client.database("admin").run_command(doc! { "replSetInitiate": config.clone() }).await;
            match done {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error).context("the replica set does not start"),
                // Not every member listens yet.
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    async fn wait_for_primary(&self) -> Result<&Member> {
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            for member in &self.members {
                let admin = member.client.database("admin");
                let hello = admin.run_command(doc! { "hello": 1 }).into_future();
                let hello = tokio::time::timeout(Duration::from_secs(1), hello).await;
                if let Ok(Ok(hello)) = hello
                    && hello.get_bool("isWritablePrimary") == Ok(true)
                {
                    return Ok(member);
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the replica set has no primary")
    }

    /// Breaks the member that is primary now, and has it back after `lasting`.
    pub(super) async fn inject(&self, kind: FaultKind, lasting: Lasting) -> Result<()> {
        let primary = self.wait_for_primary().await?;
        if kind == FaultKind::MongoStepDown {
            let step_down = doc! { "replSetStepDown": 10, "secondaryCatchUpPeriodSecs": 5 };
            // It may refuse while the others lag behind: then nothing happened.
            let _ = primary.client.database("admin").run_command(step_down).await;
            return Ok(());
        }
        let mut process = primary.process.lock().await;
        if kind == FaultKind::MongoFreeze {
            signal(&process, Signal::SIGSTOP)?;
            lasting.await;
            return signal(&process, Signal::SIGCONT);
        }
        process.kill().await?;
        lasting.await;
        *process = spawn(&self.program, &self.folder, primary.port)?;
        Ok(())
    }
}

fn direct_client(port: u16) -> Result<Client> {
    let options = ClientOptions::builder()
        .hosts(vec![ServerAddress::Tcp { host: "127.0.0.1".to_owned(), port: Some(port) }])
        .direct_connection(true)
        .server_selection_timeout(Duration::from_secs(2))
        .build();
    Ok(Client::with_options(options)?)
}

fn spawn(program: &Path, folder: &Path, port: u16) -> Result<Child> {
    let data = folder.join(format!("mongod-{port}"));
    std::fs::create_dir_all(&data)?;
    let mut command = Command::new(program);
    command.arg("--dbpath").arg(&data).arg("--logpath").arg(data.join("log")).arg("--logappend");
    command.args(["--port", &port.to_string(), "--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet"]);
    command.args(["--wiredTigerCacheSizeGB", "0.25", "--replSet", "chaos", "--oplogSize", "128"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().context("cannot start mongod")
}
