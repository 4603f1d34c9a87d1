//! `kairos-origin` as a program: it says when it is ready, what is wrong in one line, and stops when it is told.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check fails the test")]

mod command_line {
    pub(crate) mod cache;
    mod tutor;
}

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use futures_util::StreamExt;
use kairos_protocol::api::account::{Role, TokenGrant};
use kairos_protocol::api::catalog::ModuleSummary;
use kairos_protocol::api::page::Page;
use kairos_tests::http;
use kairos_tests::mongod::Mongod;
use kairos_tests::program::{PATIENCE, program};
use kairos_tests::redis::RedisServer;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The program with a folder of its own and nothing from the environment.
struct Shell {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Shell {
    fn new() -> Option<Self> {
        Some(Self { program: program()?, folder: tempfile::tempdir().unwrap() })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.folder.path()).env_clear().stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        timeout(PATIENCE, self.command(arguments).output()).await.unwrap().unwrap()
    }

    /// Starts `serve`; gives its one line and the URL in it.
    async fn serve(&self, arguments: &[&str]) -> (Server, String) {
        self.serve_with_log(arguments, Stdio::null()).await
    }

    async fn serve_with_log(&self, arguments: &[&str], log: Stdio) -> (Server, String) {
        let mut command = self.command(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap_or_default();
        let url =
            line.split_whitespace().find(|word| word.starts_with("http://")).unwrap_or_else(|| panic!("{line:?}"));
        (Server { url: url.to_owned(), child, lines }, line)
    }
}

struct Server {
    url: String,
    child: Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
}

impl Server {
    async fn stop(mut self, signal: &str) {
        let pid = self.child.id().unwrap().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().await.unwrap();
        assert!(status.success());
        assert!(timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().success(), "{signal}");
        assert_eq!(self.lines.next_line().await.unwrap(), None, "one line and no more");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[tokio::test]
async fn it_says_when_it_is_ready_and_stops_when_it_is_told() {
    let Some(shell) = Shell::new() else { return };
    for signal in ["-TERM", "-INT"] {
        let (server, line) = shell.serve(&["--data", "school.db"]).await;
        assert_eq!(line, format!("kairos-origin listens on {} (store: school.db, cache: in process)", server.url));
        assert!(!server.url.ends_with(":0"), "{line}");
        let ready = http::get(format!("{}/health/ready", server.url)).await.unwrap();
        assert_eq!(ready.status(), 200);
        server.stop(signal).await;
    }
    assert!(shell.folder.path().join("school.db").is_file());
}

#[tokio::test]
async fn what_is_wrong_is_said_in_one_line() {
    let Some(shell) = Shell::new() else { return };
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).unwrap();
    std::fs::write(shell.folder.path().join("file"), "no folder").unwrap();
    std::fs::write(shell.folder.path().join("text.db"), "This is no database. ".repeat(100)).unwrap();
    std::fs::create_dir(shell.folder.path().join("empty")).unwrap();
    let other = rusqlite::Connection::open(shell.folder.path().join("other.db")).unwrap();
    other.execute_batch("CREATE TABLE modules (title TEXT)").unwrap();
    for (arguments, said) in [
        (vec!["serve", "--listen", &taken.1], taken.1.as_str()),
        (vec!["serve", "--listen", "nonsense"], "nonsense"),
        (vec!["serve", "--listen", "127.0.0.1:0", "--data", "file/kairos.db"], "file"),
        (vec!["serve", "--listen", "127.0.0.1:0", "--data", "text.db"], "text.db"),
        (vec!["serve", "--listen", "127.0.0.1:0", "--mongodb-url", "nonsense"], "--mongodb-url"),
        (vec!["serve", "--listen", "127.0.0.1:0", "--redis-url", "nonsense"], "--redis-url"),
        (vec!["serve", "--listen", "127.0.0.1:0", "--log", "a=b=c"], "--log"),
        (vec!["serve", "--listen", "127.0.0.1:0", "--data", "other.db"], "another program"),
        // Nobody listens there.
        (vec!["serve", "--listen", "127.0.0.1:0", "--mongodb-url", "mongodb://127.0.0.1:1"], "--mongodb-url"),
        (vec!["import", "--markdown", "missing"], "missing"),
        (vec!["import", "--markdown", "empty"], "empty"),
        (vec!["import", "--oulad", "empty"], "empty"),
        (vec!["account", "--email", "nobody", "--name", "N", "--password-stdin"], "--email"),
        (vec!["account", "--email", "a@example.org", "--name", "", "--password-stdin"], "--name"),
    ] {
        let output = shell.run(&arguments).await;
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
        assert!(errors.contains(said) && errors.lines().count() == 1, "{arguments:?}: {errors}");
        assert!(!errors.contains("Topology"), "the state of every server is for the log: {errors}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
    }
    for arguments in
        [vec!["serve", "--listn", "x"], vec!["nonsense"], vec![], vec!["import"], vec!["account", "--role", "king"]]
    {
        let output = shell.run(&arguments).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("Usage") || text(&output.stderr).contains("--help"), "{arguments:?}");
    }
    for command in ["serve", "import", "account"] {
        let output = shell.run(&[command, "--help"]).await;
        assert!(output.status.success() && text(&output.stdout).contains("Example"), "{command}");
    }
}

#[tokio::test]
async fn a_mongodb_without_a_replica_set_is_told_what_it_lacks() {
    let (Some(shell), Some(mongod)) = (Shell::new(), Mongod::start().await) else { return };
    write(shell.folder.path(), "book/one.md", "# One\n\nThe first chapter.\n");
    let url = mongod.url();
    for arguments in [["serve", "--listen", "127.0.0.1:0"], ["import", "--markdown", "book"]] {
        let output = shell.run(&[&arguments[..], &["--mongodb-url", &url]].concat()).await;
        let errors = text(&output.stderr);
        println!("{errors}");
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()), "{arguments:?}: {errors}");
        assert!(errors.contains("--replSet") && errors.contains("rs.initiate()"), "{arguments:?}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{arguments:?}: {errors}");
    }
}

#[tokio::test]
async fn a_replica_set_that_was_never_initiated_is_told_what_it_lacks() {
    let (Some(shell), Some(mongod)) = (Shell::new(), Mongod::start_with(&["--replSet", "rs0"]).await) else { return };
    let alone = mongod.url();
    for url in [format!("{alone}/?directConnection=true"), format!("{alone}/?replicaSet=rs0"), alone] {
        for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["indexes", "--create"]] {
            let output = shell.run(&[command, &["--mongodb-url", &url]].concat()).await;
            let errors = text(&output.stderr);
            println!("{errors}");
            assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()), "{url}: {errors}");
            assert!(errors.contains("never initiated") && errors.contains("rs.initiate()"), "{url}: {errors}");
            assert_eq!(errors.lines().count(), 1, "{url}: {errors}");
        }
    }
}

async fn make_account(shell: &Shell, name: &str, role: &str, password: &str) -> String {
    let arguments = ["account", "--email", "Ada@example.org", "--name", name, "--role", role, "--password-stdin"];
    let mut command = shell.command(&arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).await.unwrap();
    let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

async fn login(server: &Server, password: &str) -> reqwest::Response {
    let body = json!({ "email": "ada@example.org", "password": password });
    http::client().post(format!("{}/v1/auth/login", server.url)).json(&body).send().await.unwrap()
}

#[tokio::test]
async fn accounts_are_made_and_changed() {
    let Some(shell) = Shell::new() else { return };
    let (server, _) = shell.serve(&[]).await;
    let said = make_account(&shell, "Ada", "author", "first password").await;
    assert!(said.contains("ada@example.org") && !said.contains("first password"), "{said}");
    let first: TokenGrant = login(&server, "first password").await.json().await.unwrap();
    assert!(first.profile.roles.contains(&Role::Author), "{:?}", first.profile);

    make_account(&shell, "Ada L.", "learner", "second password").await;
    assert_eq!(login(&server, "first password").await.status(), 401);
    let second: TokenGrant = login(&server, "second password").await.json().await.unwrap();
    assert_eq!((&second.profile.id, second.profile.display_name.as_str()), (&first.profile.id, "Ada L."));
    assert_eq!(second.profile.roles, [Role::Learner]);
    server.stop("-TERM").await;
}

fn write(folder: &Path, name: &str, content: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

#[tokio::test]
async fn what_is_imported_is_served() {
    let Some(shell) = Shell::new() else { return };
    let book = shell.folder.path().join("book");
    write(&book, "SUMMARY.md", "# A book\n\n- [One](one.md)\n- [Two](part/two.md)\n- [Gone](gone.md)\n");
    write(&book, "one.md", "# One\n\nThe first chapter.\n");
    write(&book, "part/two.md", "# Two\n\nThe second chapter.\n");
    for written in ["2 written", "0 written"] {
        let output = shell.run(&["import", "--markdown", "book"]).await;
        let (said, errors) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{errors}");
        assert!(said.contains(written) && said.contains("left out: 1") && said.contains("took"), "{said}");
        assert!(errors.contains("SUMMARY.md:5") && errors.contains("gone.md"), "{errors}");
    }
    let (server, _) = shell.serve(&[]).await;
    let page: Page<ModuleSummary> =
        http::get(format!("{}/v1/modules", server.url)).await.unwrap().json().await.unwrap();
    let found: Vec<(&str, &str)> = page.items.iter().map(|m| (m.slug.as_str(), m.subject.as_str())).collect();
    assert_eq!(found, [("one", "A book"), ("part-two", "A book")]);
    server.stop("-INT").await;
}

#[tokio::test]
async fn databases_that_share_a_redis_keep_apart() {
    let (Some(shell), Some(redis)) = (Shell::new(), RedisServer::start().await) else { return };
    write(shell.folder.path(), "book/one.md", "# One\n\nThe first chapter.\n");
    assert!(shell.run(&["import", "--markdown", "book", "--data", "one.db"]).await.status.success());
    let url = redis.url();
    let mut listed = Vec::new();
    for data in ["one.db", "other.db", "one.db"] {
        let (server, _) = shell.serve(&["--data", data, "--redis-url", &url]).await;
        let response = http::get(format!("{}/v1/modules", server.url)).await.unwrap();
        let status = response.headers().get("cache-status").unwrap().to_str().unwrap().to_owned();
        listed.push((response.json::<Page<ModuleSummary>>().await.unwrap().items.len(), status.contains("redis")));
        server.stop("-TERM").await;
    }
    assert_eq!(
        listed,
        [(1, false), (0, false), (1, true)],
        "modules, and whether another process had stored the response"
    );
}

#[tokio::test]
async fn what_is_imported_beside_a_server_is_served_at_once() {
    let Some(shell) = Shell::new() else { return };
    write(shell.folder.path(), "book/one.md", "# One\n\nThe first chapter.\n");
    assert!(shell.run(&["import", "--markdown", "book"]).await.status.success());
    let (server, _) = shell.serve(&[]).await;
    let url = format!("{}/v1/modules", server.url);
    let list = async || {
        let response = http::get(&url).await.unwrap();
        let status = response.headers().get("cache-status").unwrap().to_str().unwrap().to_owned();
        (response.json::<Page<ModuleSummary>>().await.unwrap().items.len(), status)
    };
    assert_eq!(list().await.0, 1);
    write(shell.folder.path(), "book/two.md", "# Two\n\nThe second chapter.\n");
    assert!(shell.run(&["import", "--markdown", "book"]).await.status.success());
    let both = async {
        while list().await.0 < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), both).await.expect("far sooner than stored responses expire");
    let (_, status) = list().await;
    assert!(status.contains("hit"), "{status}");
    server.stop("-TERM").await;
}

/// What a pipe holds until somebody reads it.
const PIPE_BYTES: usize = 64 * 1024;

#[tokio::test]
async fn a_log_that_nobody_reads_holds_up_nothing() {
    let Some(shell) = Shell::new() else { return };
    let (mut server, _) = shell.serve_with_log(&["--log", "debug"], Stdio::piped()).await;
    let mut log = server.child.stderr.take().unwrap();
    let client = http::client();
    // Each is logged with its path: more than the pipe and the lines that may wait can hold.
    let ask = async |n: usize| client.get(format!("{}/nowhere/{}", server.url, "x".repeat(n))).send().await.unwrap();
    let responses = futures_util::stream::iter(0..6_000).map(|_| ask(100)).buffer_unordered(16);
    let statuses = responses.map(|response| response.status().as_u16()).collect::<Vec<_>>();
    let statuses = timeout(PATIENCE, statuses).await.expect("all are answered");
    assert_eq!(statuses, vec![404; 6_000]);
    let dropped = async {
        loop {
            let metrics = client.get(format!("{}/metrics", server.url)).send().await.unwrap().text().await.unwrap();
            let count = metrics.lines().find_map(|line| line.strip_prefix("kairos_log_lines_dropped_total "));
            if let Some(count) = count.and_then(|count| count.parse::<u32>().ok()).filter(|count| *count > 0) {
                return count;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    println!("{} lines were dropped", timeout(PATIENCE, dropped).await.expect("they are counted"));

    // Whoever reads again, and slowly, finds what waited, and at the end the last line of all.
    timeout(PATIENCE, log.read_exact(&mut vec![0; 2 * PIPE_BYTES])).await.unwrap().unwrap();
    let read_slowly = async {
        let mut rest = Vec::new();
        while (&mut log).take(PIPE_BYTES as u64 / 2).read_to_end(&mut rest).await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        text(&rest)
    };
    let (_, rest) = tokio::join!(server.stop("-TERM"), read_slowly);
    assert!(rest.ends_with("finishing what is under way"), "{rest}");
}

#[tokio::test]
async fn a_log_that_nobody_reads_does_not_keep_it_from_stopping() {
    let Some(shell) = Shell::new() else { return };
    let (mut server, _) = shell.serve_with_log(&["--log", "info"], Stdio::piped()).await;
    let unread = server.child.stderr.take().unwrap();
    let client = http::client();
    for _ in 0..PIPE_BYTES / 1_000 + 10 {
        let url = format!("{}/nowhere/{}", server.url, "x".repeat(1_000));
        assert_eq!(timeout(PATIENCE, client.get(url).send()).await.expect("it is answered").unwrap().status(), 404);
    }
    server.stop("-TERM").await;
    drop(unread);
}

/// OULAD's two files with one assessment and `learners` learners.
fn write_oulad(folder: &Path, learners: u32) {
    let assessments = "code_module,code_presentation,id_assessment,assessment_type,date,weight";
    write(folder, "assessments.csv", &format!("{assessments}\nAAA,2013J,1752,TMA,19,10\n"));
    let row = |id: u32| format!("1752,{id},18,0,{}\n", id % 101);
    let rows: String = (0..learners).map(row).collect();
    write(folder, "studentAssessment.csv", &format!("id_assessment,id_student,date_submitted,is_banked,score\n{rows}"));
}

#[tokio::test]
async fn an_import_stopped_with_ctrl_c_is_finished_by_running_it_again() {
    let Some(shell) = Shell::new() else { return };
    write_oulad(&shell.folder.path().join("oulad"), 20_000);
    let arguments = ["import", "--oulad", "oulad"];
    let mut first = shell.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let log = shell.folder.path().join("kairos.db-wal");
    let begun = async {
        while std::fs::metadata(&log).map_or(0, |log| log.len()) < 1 << 20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, begun).await.unwrap();
    let pid = first.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    assert!(!timeout(PATIENCE, first.wait()).await.unwrap().unwrap().success(), "it was stopped before its end");

    let applied = async || {
        let said = text(&shell.run(&arguments).await.stdout);
        assert!(said.contains("progress records: 20000 (0 without a score)"), "{said}");
        let applied = said.lines().find_map(|line| line.strip_prefix("operations applied: "));
        applied.and_then(|number| number.parse::<u32>().ok()).unwrap_or_else(|| panic!("{said}"))
    };
    println!("{} of 20000 were left to the second run", applied().await);
    assert_eq!(applied().await, 0);
}

#[tokio::test]
async fn who_does_not_read_the_report_does_not_stop_the_import() {
    let Some(shell) = Shell::new() else { return };
    write(shell.folder.path(), "book/one.md", "# One\n\nThe first chapter.\n");
    let mut import = shell.command(&["import", "--markdown", "book"]);
    let mut import = import.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(import.stdout.take());
    let output = timeout(PATIENCE, import.wait_with_output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}
