//! `kairos-origin` as a program, for tests of its command line. Not the origin itself, which most tests run in their own process.

#![expect(clippy::expect_used, reason = "what a test cannot set up fails it")]

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::skip::skip;

/// Longer than anything here takes, on a busy machine too.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The program: `KAIROS_ORIGIN_BIN`, or the one that was built beside this test. `None`, and a note, when there is none.
#[must_use]
pub fn program() -> Option<PathBuf> {
    let named = std::env::var_os("KAIROS_ORIGIN_BIN").map(PathBuf::from);
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("kairos-origin"));
    let found = named.or_else(beside).filter(|path| path.is_file());
    if found.is_none() {
        skip("kairos-origin is not built, and KAIROS_ORIGIN_BIN names no other");
    }
    found
}

/// Runs it to its end, with nothing from the environment but `variables`. `None`, and a note, when there is none.
pub async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Option<Said> {
    let mut command = Command::new(program()?);
    command.args(arguments).env_clear().envs(variables.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await.expect("it ends").expect("it runs");
    Some(Said::new(&output))
}

/// What the program said, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// Its exit code.
    pub code: Option<i32>,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub errors: String,
}

impl Said {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        Self { code: output.status.code(), output: text(&output.stdout), errors: text(&output.stderr) }
    }
}
