//! A MongoDB of a test's own: a server by itself, which the store does not take, or with other arguments. Not for tests of what the store does: those
//! share the one at `MONGODB_URL`.

#![expect(clippy::expect_used, reason = "what a test cannot set up fails it")]

use std::env;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mongodb::bson::doc;
use tokio::time::sleep;

use crate::skip::skip;

/// A `mongod`, or `mongos`, killed when dropped.
pub struct Mongod {
    port: u16,
    process: Child,
    _folder: tempfile::TempDir,
}

/// How long a server may take to listen after it was started.
const START_TIMEOUT: Duration = Duration::from_secs(30);

impl Mongod {
    /// Starts one without a replica set, or skips the test when there is no `mongod`.
    pub async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// Starts one with more `arguments`, or skips the test when there is no `mongod`.
    pub async fn start_with(arguments: &[&str]) -> Option<Self> {
        Self::start_program("mongod", arguments).await
    }

    /// The same of `mongos`.
    pub async fn start_router(arguments: &[&str]) -> Option<Self> {
        Self::start_program("mongos", arguments).await
    }

    /// A `mongod` that is the only member of the replica set `set`, and its primary by then; `role` is `--configsvr` or `--shardsvr`.
    pub async fn start_member(role: &str, set: &str) -> Option<Self> {
        let server = Self::start_with(&[role, "--replSet", set]).await?;
        let admin = server.client().await.database("admin");
        let mut config = doc! { "_id": set, "members": [{ "_id": 0, "host": server.address() }] };
        if role == "--configsvr" {
            config.insert("configsvr", true);
        }
        admin.run_command(doc! { "replSetInitiate": config }).await.expect("it is initiated");
        let began = Instant::now();
        loop {
            let hello = admin.run_command(doc! { "hello": 1 }).await.expect("it answers");
            if hello.get_bool("isWritablePrimary") == Ok(true) {
                return Some(server);
            }
            assert!(began.elapsed() < START_TIMEOUT, "{set} has no primary");
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn start_program(name: &str, arguments: &[&str]) -> Option<Self> {
        let named = env::var_os("KAIROS_MONGOD_BIN").map(|folder| PathBuf::from(folder).join(name));
        let program = named.filter(|program| program.is_file()).unwrap_or_else(|| name.into());
        let folder = tempfile::tempdir().expect("a folder");
        // The port is free again when the listener is dropped; should another take it meanwhile, mongod exits and we say so.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let process = match spawn(&program, folder.path(), port, arguments) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                skip(&format!("{name} is not on the path, and KAIROS_MONGOD_BIN names no other"));
                return None;
            }
            started => started.expect("mongod starts"),
        };
        let mut server = Self { port, process, _folder: folder };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(server.process.try_wait().expect("it is ours").is_none(), "mongod exited");
            assert!(began.elapsed() < START_TIMEOUT, "mongod does not listen");
            sleep(Duration::from_millis(50)).await;
        }
        Some(server)
    }

    /// `127.0.0.1:…`
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A client of it alone, also when it is in a replica set.
    pub async fn client(&self) -> mongodb::Client {
        let url = format!("{}/?directConnection=true", self.url());
        mongodb::Client::with_uri_str(&url).await.expect("a client")
    }

    /// `mongodb://127.0.0.1:…`
    #[must_use]
    pub fn url(&self) -> String {
        format!("mongodb://127.0.0.1:{}", self.port)
    }
}

fn spawn(program: &Path, folder: &Path, port: u16, arguments: &[&str]) -> io::Result<Child> {
    let mut command = Command::new(program);
    if !program.ends_with("mongos") {
        command.arg("--dbpath").arg(folder).args(["--wiredTigerCacheSizeGB", "0.25"]);
    }
    command.arg("--logpath").arg(folder.join("log")).args(arguments);
    command.args(["--port", &port.to_string(), "--bind_ip", "127.0.0.1", "--nounixsocket"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

impl Drop for Mongod {
    fn drop(&mut self) {
        // One that is dead already is no error.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
