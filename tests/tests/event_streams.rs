//! Many streams of events at once, in a process of its own: what each costs, that all hear of a write, and that a process that stops
//! does not wait for them. `--ignored --nocapture` prints the figures for 10,000 streams.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kairos_origin::auth::keys::Keys;
use kairos_origin::auth::tokens::Tokens;
use kairos_origin::environment::Environment;
use kairos_protocol::api::account::Role;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::paths;
use kairos_tests::origin::draft;
use kairos_tests::program::{PATIENCE, program};
use kairos_tests::world::{StoreKind, World};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

struct Server {
    child: Child,
    address: String,
    tokens: Tokens,
}

impl Server {
    /// On the embedded store, or `None` when it is not built.
    async fn start(world: &World) -> Option<Self> {
        let mut command = Command::new(program()?);
        command.args(["serve", "--listen", "127.0.0.1:0"]).arg("--data").arg(world.data()).env_clear();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let address = line.split("http://").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        let environment = Environment::system();
        let keys = Keys::new(world.store().await, environment.clone());
        let ring = keys.current().await.unwrap();
        Some(Self { child, address, tokens: Tokens::new(&ring.keys, keys, environment) })
    }

    /// A stream of the `n`th learner.
    async fn open(&self, n: usize) -> Stream {
        let user = UserId::new(format!("learner{n}")).unwrap();
        let token = self.tokens.sign(&user, &[Role::Learner]).unwrap();
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let request = format!("GET {} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n", paths::EVENTS);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut stream = Stream { stream, read: String::new() };
        stream.until("event: generations").await;
        assert!(stream.read.starts_with("HTTP/1.1 200"), "{}", stream.read);
        stream
    }

    /// Publishes a module, and gives its generation.
    async fn publish(&self, slug: &str) -> String {
        let token = self.tokens.sign(&UserId::new("author").unwrap(), &[Role::Author]).unwrap();
        let request = kairos_tests::http::client().post(format!("http://{}{}", self.address, paths::MODULES));
        let response = request.bearer_auth(token).json(&draft(slug)).send().await.unwrap();
        assert_eq!(response.status(), 201);
        response.headers().get("kairos-gen").unwrap().to_str().unwrap().to_owned()
    }

    /// What the process has in memory now, in KiB.
    fn resident_kib(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// User and system time that the process has taken, in hundredths of a second.
    fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id().unwrap())).unwrap();
        let after_name = stat.rsplit_once(')').unwrap().1;
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }
}

struct Stream {
    stream: TcpStream,
    read: String,
}

impl Stream {
    async fn until(&mut self, text: &str) {
        let mut buffer = [0; 4_096];
        while !self.read.contains(text) {
            let count = timeout(PATIENCE, self.stream.read(&mut buffer)).await.unwrap().unwrap();
            assert!(count > 0, "the stream has ended: {}", self.read);
            self.read.push_str(&String::from_utf8_lossy(buffer.get(..count).unwrap()));
        }
    }

    async fn until_its_end(mut self) {
        let mut rest = Vec::new();
        timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await.unwrap().unwrap();
        assert!(rest.ends_with(b"0\r\n\r\n"), "it did not end as it should");
    }
}

async fn measure(count: usize) {
    let Some(world) = World::new(StoreKind::Sqlite, false) else { return };
    let Some(mut server) = Server::start(&world).await else { return };
    let mut streams = vec![server.open(0).await];
    let before = server.resident_kib();
    let began = Instant::now();
    while streams.len() < count {
        let next = streams.len()..count.min(streams.len() + 100);
        streams.extend(join_all(next.map(|n| server.open(n))).await);
    }
    let opened = began.elapsed();
    let each_kib = (server.resident_kib() - before) as f64 / count as f64;

    let (ticks, began) = (server.cpu_ticks(), Instant::now());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let idle = (server.cpu_ticks() - ticks) as f64 / began.elapsed().as_secs_f64();

    let began = Instant::now();
    let generation = server.publish("caching").await;
    join_all(streams.iter_mut().map(|stream| stream.until(&generation))).await;
    let heard = began.elapsed();
    println!(
        "{count} streams of as many learners: opened in {opened:.1?}, {each_kib:.1} KiB each, {idle:.1} % of a core"
    );
    println!("while nothing happens; all heard of a write {heard:.0?} after it was sent");
    assert!(count < 1_000 || each_kib < 40.0, "{each_kib} KiB a stream");

    let pid = nix::unistd::Pid::from_raw(i32::try_from(server.child.id().unwrap()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let began = Instant::now();
    join_all(streams.into_iter().map(Stream::until_its_end)).await;
    timeout(PATIENCE, server.child.wait()).await.unwrap().unwrap();
    // Requests under way have ten seconds, which the streams do not use up.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn all_streams_hear_of_a_write_and_end_with_the_process() {
    measure(200).await;
}

#[ignore = "10,000 connections; `--ignored --nocapture` prints what they cost"]
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_streams() {
    measure(10_000).await;
}
