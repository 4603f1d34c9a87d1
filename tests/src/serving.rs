//! The program, served: `kairos-origin serve` on a port of its own, with all that it says while it runs. Not a [`crate::origin`], which
//! is in the test's own process.

#![expect(clippy::expect_used, reason = "what a test cannot set up fails it")]

use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Client, Method, RequestBuilder};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::http;
use crate::program::{PATIENCE, Said, program};

/// A server that runs. It is killed when this is dropped.
pub struct Serving {
    /// Where it listens.
    pub url: String,
    child: Child,
    client: Client,
    output: JoinHandle<String>,
    errors: JoinHandle<String>,
}

impl Serving {
    /// `serve` with `arguments`, and nothing from the environment but `variables`. `None`, and a note, when the program is not built.
    pub async fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Option<Self> {
        let mut command = Command::new(program()?);
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments).env_clear().envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("it runs");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut stderr = child.stderr.take().expect("it is piped");
        let errors = tokio::spawn(async move {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text).await;
            String::from_utf8_lossy(&text).into_owned()
        });
        let line = timeout(PATIENCE, lines.next_line()).await.expect("it starts").expect("text").unwrap_or_default();
        let Some(url) = line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned) else {
            let errors = errors.await.unwrap_or_default();
            assert!(line.starts_with("http"), "it does not listen: {line} {errors}");
            return None;
        };
        let output = tokio::spawn(async move {
            let mut text = line;
            while let Ok(Some(line)) = lines.next_line().await {
                text.push('\n');
                text.push_str(&line);
            }
            text
        });
        let client = http::client_builder().build().expect("a client");
        Some(Self { url, child, client, output, errors })
    }

    /// A request to be filled in.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// The metrics as they are now.
    pub async fn metrics(&self) -> String {
        let reply = self.request(Method::GET, "/metrics").send().await.expect("it answers");
        reply.text().await.expect("text")
    }

    /// Tells it to stop, and gives all that it said.
    pub async fn stop(mut self) -> Said {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok()).expect("it runs");
        kill(Pid::from_raw(pid), Signal::SIGTERM).expect("it can be told");
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it stops").expect("it ran");
        let (output, errors) = (self.output.await.unwrap_or_default(), self.errors.await.unwrap_or_default());
        Said { code: status.code(), output, errors }
    }
}
