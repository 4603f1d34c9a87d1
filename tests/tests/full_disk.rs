//! An embedded store on a disk that takes nothing any more: the origin says so, refuses writes and goes on reading; and it goes on by
//! itself when there is room again. The limit on the size of files that a process may have stands for the disk.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check fails the test")]

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use kairos_protocol::api::paths;
use kairos_tests::http;
use kairos_tests::skip::skip;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(60);

/// The program: `KAIROS_ORIGIN_BIN`, or the one that was built beside this test.
fn program() -> Option<PathBuf> {
    let named = std::env::var_os("KAIROS_ORIGIN_BIN").map(PathBuf::from);
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("kairos-origin"));
    named.or_else(beside).filter(|path| path.is_file())
}

/// Starts `serve`. What it writes past the limit fails instead of ending it.
async fn serve(program: PathBuf, folder: &std::path::Path) -> (Child, String) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$0\" serve --listen 127.0.0.1:0 --data school.db"]).arg(program);
    shell.current_dir(folder).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = shell.kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap_or_default();
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap_or_else(|| panic!("{line:?}"));
    (child, url.to_owned())
}

/// From now on the process can write no byte of a file beyond `bytes`.
async fn limit(child: &Child, bytes: &str) -> bool {
    let pid = format!("--pid={}", child.id().unwrap());
    let limited = Command::new("prlimit").args([&pid, &format!("--fsize={bytes}:unlimited")]).status().await;
    limited.is_ok_and(|status| status.success())
}

async fn status(url: &str) -> u16 {
    http::get(url).await.unwrap().status().as_u16()
}

async fn becomes(url: &str, wanted: u16) {
    let began = Instant::now();
    while status(url).await != wanted {
        assert!(began.elapsed() < PATIENCE, "{url} is not {wanted}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_survived() {
    let Some(program) = program() else {
        skip("kairos-origin is not built, and KAIROS_ORIGIN_BIN names no other");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (child, url) = serve(program, folder.path()).await;
    let (ready, modules) = (format!("{url}{}", paths::HEALTH_READY), format!("{url}{}", paths::MODULES));
    assert_eq!(status(&ready).await, 200);
    if !limit(&child, "1").await {
        skip("there is no prlimit, or it may not limit a process");
        return;
    }
    becomes(&ready, 503).await;
    let register = |email: &str| {
        let body = json!({ "email": email, "display_name": "Ada", "password": "long enough" });
        http::client().post(format!("{url}{}", paths::REGISTER)).json(&body).send()
    };
    let refused = register("ada@example.org").await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(status(&modules).await, 200, "what is there can be read");

    assert!(limit(&child, "unlimited").await);
    becomes(&ready, 200).await;
    assert_eq!(register("ada@example.org").await.unwrap().status(), 201, "it was not stored before");
}
