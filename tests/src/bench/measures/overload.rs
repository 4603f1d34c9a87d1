//! Twice what it can do: what is still done, how long what is taken in takes, and how soon all is as before. The load leaves when it is
//! due, whether or not the origin keeps up, from cores of its own: who sends it must not be slowed down by it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::Instant;

use crate::bench::cores::Halves;
use crate::bench::data::MODULE;
use crate::bench::open_loop::{self, Answered, percentile_ms};
use crate::bench::process::Server;
use crate::bench::report::{Figure, Goal, rate};
use crate::bench::rounds::{Bench, CONNECTIONS};
use crate::bench::world::StoreKind;
use crate::bench::wrk::Load;

/// Each time another account, so that none of them is what is limited.
const FLOOD: &str = r#"
local count, salt = 0, 0
function init(args) salt = math.random(1000000000) end
function request()
  count = count + 1
  local body = string.format('{"email":"nobody-%d-%d@example.org","password":"wrong horse battery"}', salt, count)
  return wrk.format("POST", "/v1/auth/login", { ["Content-Type"] = "application/json" }, body)
end
"#;

const PATH: &str = "/v1/me/progress/stats";
/// Enough that none waits for another's response, unless that takes a quarter of a second.
const MANY: usize = 4_000;
/// Learners who ask.
const ASKING: usize = 5_000;
/// How much more each load is than the one before, until it is too much.
const GROWS: f64 = 1.3;
/// In which the time of responses is looked at after the load.
const WINDOW: Duration = Duration::from_millis(500);

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<()> {
    overload(bench, "embedded", StoreKind::Sqlite).await?;
    if bench.world.has_mongo() {
        overload(bench, "MongoDB", StoreKind::Mongo).await?;
    }
    beside_sign_ins(bench).await
}

/// Cached reads alone, and beside a flood of sign-ins with a wrong password.
async fn beside_sign_ins(bench: &mut Bench<'_>) -> Result<()> {
    let origin = bench.world.origin(StoreKind::Sqlite, false).await?;
    let reads = Load::get(origin.url(MODULE), &[("Accept-Encoding", "br")], CONNECTIONS, bench.lasting());
    let flood = Load {
        url: origin.url("/v1/auth/login"),
        connections: CONNECTIONS,
        lasting: bench.lasting(),
        script: FLOOD.to_owned(),
    };
    let floods = tempfile::tempdir()?;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..bench.options.rounds {
        alone.push(reads.run(bench.world.folder.path()).await?);
        let (read, flooded) = tokio::join!(reads.run(bench.world.folder.path()), flood.run(floods.path()));
        flooded?;
        beside.push(read?);
    }
    bench.compare("a module, beside a flood of sign-ins", &beside, &alone, "alone", Goal::AtLeast(0.67));
    Ok(())
}

async fn overload(bench: &mut Bench<'_>, name: &str, kind: StoreKind) -> Result<()> {
    let mut halves = Halves::split()?.context("one core cannot be both the server's and the load's")?;
    for process in bench.world.store_processes(kind).await {
        halves.move_server(process)?;
    }
    halves.start_servers()?;
    let origin = bench.world.origin(kind, false).await?;
    halves.start_load()?;
    let tokens = bench.world.tokens(kind).get(..ASKING).unwrap_or_default();
    let requests: Arc<[Vec<u8>]> = tokens.iter().map(|token| request(token)).collect();
    let lasting = bench.lasting() * 2;
    let peak = peak(&origin, &requests, bench.lasting()).await?;
    let near = send(&origin, &requests, peak * 0.7, lasting).await?;
    let twice = send(&origin, &requests, peak * 2.0, lasting).await?;
    let after_began = Instant::now();
    let after = send(&origin, &requests, peak * 0.5, lasting).await?;
    let done = per_sec(&twice, lasting);
    let goal_ms = percentile_ms(&near, 0.95);
    let what = |what: &str| format!("{what}, {name}");
    let refused = twice.iter().filter(|a| a.status == 503).count();
    let broken = twice.iter().filter(|a| a.status != 503 && !(200..400).contains(&a.status)).count();
    bench.report.add(Figure {
        what: what("twice the saturating load: what is still done"),
        ours: format!("{} done, {refused} refused, {broken} neither", rate(done)),
        beside: format!("peak {}", rate(peak)),
        value: done / peak,
        goal: Goal::AtLeast(0.9),
    });
    let p95 = percentile_ms(&twice, 0.95);
    bench.report.add(Figure {
        what: what("the same: p95 of what is done, ms"),
        ours: format!("{p95:.0} ms"),
        beside: format!("at 0.7 of the peak {goal_ms:.0} ms"),
        value: p95,
        goal: Goal::AtMost(200.0),
    });
    let recovered = recovered_after(&after, after_began, (goal_ms * 2.0).max(50.0));
    bench.report.add(Figure {
        what: what("at half the peak after it: as before, s"),
        ours: format!("{recovered:.1} s"),
        beside: "–".to_owned(),
        value: recovered,
        goal: Goal::AtMost(2.0),
    });
    Ok(())
}

/// The most that is done a second: of loads that grow until more is sent than is done.
async fn peak(origin: &Server, requests: &Arc<[Vec<u8>]>, lasting: Duration) -> Result<f64> {
    let (mut sent, mut most) = (1_000.0, 0.0_f64);
    loop {
        let done = per_sec(&send(origin, requests, sent, lasting).await?, lasting);
        most = most.max(done);
        if done < sent * 0.75 {
            return Ok(most);
        }
        sent *= GROWS;
    }
}

async fn send(origin: &Server, requests: &Arc<[Vec<u8>]>, per_sec: f64, lasting: Duration) -> Result<Vec<Answered>> {
    open_loop::run(origin.port, Arc::clone(requests), per_sec, lasting, MANY).await
}

fn request(token: &str) -> Vec<u8> {
    format!("GET {PATH} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\nCache-Control: no-store\r\n\r\n")
        .into_bytes()
}

/// Of what was due from the first request on, done while the load lasted.
fn per_sec(answered: &[Answered], lasting: Duration) -> f64 {
    let Some(began) = answered.first().map(|first| first.due) else { return 0.0 };
    let is_done = |a: &&Answered| (200..400).contains(&a.status) && a.due + a.took <= began + lasting;
    answered.iter().filter(is_done).count() as f64 / lasting.as_secs_f64()
}

/// Seconds until the first window in which nothing is refused and the p95 is within `limit_ms`.
fn recovered_after(answered: &[Answered], began: Instant, limit_ms: f64) -> f64 {
    let mut from = began;
    for number in 0..40 {
        let until = from + WINDOW;
        let window: Vec<_> = answered.iter().filter(|a| a.due >= from && a.due < until).collect();
        let is_whole = !window.is_empty() && window.iter().all(|a| (200..400).contains(&a.status));
        if is_whole && percentile_ms(window, 0.95) <= limit_ms {
            return WINDOW.as_secs_f64() * f64::from(number);
        }
        from = until;
    }
    f64::INFINITY
}
