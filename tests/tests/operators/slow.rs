//! What takes long is told by its name, and by nothing that is anybody's.

use std::process::Stdio;

use kairos_tests::program::{PATIENCE, program};
use kairos_tests::world::{StoreKind, World};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

/// Starts a server that logs each query of at least `ms`, has somebody register, and gives its log and its metrics.
async fn log_of(world: &World, ms: &str) -> Option<(String, String)> {
    let mut command = Command::new(program()?);
    command.args(["serve", "--listen", "127.0.0.1:0", "--slow-query-ms", ms]).env_clear();
    command.arg("--data").arg(world.data());
    if let Some(url) = world.mongodb_url() {
        command.env("MONGODB_URL", url);
    }
    let mut server = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    let client = kairos_tests::http::client_builder().build().unwrap();
    let person = json!({ "email": "eve@example.org", "display_name": "Evelyn", "password": "correct horse battery" });
    let reply = client.post(format!("{url}/v1/auth/register")).json(&person).send().await.unwrap();
    assert_eq!(reply.status(), 201);
    let metrics = client.get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(server.id().unwrap()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let mut log = String::new();
    timeout(PATIENCE, server.stderr.take().unwrap().read_to_string(&mut log)).await.unwrap().unwrap();
    Some((log, metrics))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_query_is_logged_by_its_name_alone() {
    for (kind, name) in [(StoreKind::Sqlite, "users.insert"), (StoreKind::Mongo, "users.password")] {
        let Some(world) = World::new(kind, false) else { continue };
        let Some((log, metrics)) = log_of(&world, "0").await else { return };
        let slow: Vec<_> = log.lines().filter(|line| line.contains("slow query")).collect();
        assert!(slow.iter().any(|line| line.contains(name) && line.contains("ms=")), "{log}");
        for personal in ["eve@", "Evelyn", "argon2"] {
            assert!(!log.contains(personal), "{personal}: {log}");
        }
        assert!(metrics.contains(&format!("kairos_store_seconds_count{{operation=\"{name}\"}}")), "{metrics}");
        let world = World::new(kind, false).unwrap();
        let (log, _) = log_of(&world, "60000").await.unwrap();
        assert!(!log.contains("slow query"), "{log}");
    }
}
