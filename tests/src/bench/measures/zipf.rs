//! A load shaped as people make it: few learners ask often, many seldom (Zipf, 0.99), one request in a hundred writes. How much of it
//! the caches answer, and what they spare the database. Row H5.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use mongodb::Client;
use mongodb::bson::{Document, doc};

use crate::bench::data::LEARNERS;
use crate::bench::process::Server;
use crate::bench::report::{Figure, Goal, rate};
use crate::bench::rounds::{Bench, CONNECTIONS, as_random_learner};
use crate::bench::world::StoreKind;
use crate::bench::wrk::Load;

/// Then what is asked for often is stored, as it is in a service that has run for longer than that.
const WARM_UP: Duration = Duration::from_secs(60);
/// Learners whose cached responses are set beside uncached ones.
const ASKING: usize = 500;

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<()> {
    if !bench.world.has_mongo() || bench.world.redis.is_none() {
        bench.report.left_out.push("Zipf: no mongod, or no Redis".to_owned());
        return Ok(());
    }
    let origin = bench.world.origin(StoreKind::Mongo, true).await?;
    let load = |fields: &str| Load {
        url: origin.url("/"),
        connections: CONNECTIONS,
        lasting: bench.lasting() * 2,
        script: script(bench.world.tokens(StoreKind::Mongo), fields),
    };
    let (cached, uncached) = (load(""), load(", ['Cache-Control'] = 'no-cache'"));
    Load { lasting: WARM_UP, ..load("") }.run(bench.world.folder.path()).await?;
    let (with, hits) = run(bench, &origin, &cached).await?;
    let (without, _) = run(bench, &origin, &uncached).await?;
    bench.report.add(Figure {
        what: "Zipf 0.99, 1 % writes, MongoDB and Redis: reads that a cache answers".to_owned(),
        ours: rate(with.per_sec),
        beside: format!("no-cache {}", rate(without.per_sec)),
        value: hits,
        goal: Goal::AtLeast(0.95),
    });
    bench.report.add(Figure {
        what: "the same: commands to the database for a request".to_owned(),
        ours: format!("{:.3}", with.commands),
        beside: format!("no-cache {:.3}", without.commands),
        value: with.commands / without.commands,
        goal: Goal::AtMost(0.4),
    });
    let tokens = bench.world.tokens(StoreKind::Mongo).get(..ASKING).unwrap_or_default();
    let stats = |fields: &[(&str, &str)]| Load {
        url: origin.url("/"),
        connections: CONNECTIONS,
        lasting: bench.lasting(),
        script: as_random_learner(tokens, "/v1/me/progress/stats", fields),
    };
    let outcomes = bench.in_turns(&[stats(&[]), stats(&[("Cache-Control", "no-cache")])]).await?;
    if let [cached, uncached] = outcomes.as_slice() {
        bench.compare("cached statistics", cached, uncached, "uncached", Goal::AtLeast(10.0));
    }
    Ok(())
}

struct Cost {
    per_sec: f64,
    /// For a request.
    commands: f64,
}

async fn run(bench: &Bench<'_>, origin: &Server, load: &Load) -> Result<(Cost, f64)> {
    let (commands, (hits, all)) = (commands(bench).await?, cache_requests(origin).await?);
    let outcome = load.run(bench.world.folder.path()).await?;
    let requests = outcome.per_sec * load.lasting.as_secs_f64();
    let sent = self::commands(bench).await? - commands;
    let (hits_after, all_after) = cache_requests(origin).await?;
    let share = (hits_after - hits) / (all_after - all).max(1.0);
    Ok((Cost { per_sec: outcome.per_sec, commands: sent / requests.max(1.0) }, share))
}

/// Commands that read or write, so far.
async fn commands(bench: &Bench<'_>) -> Result<f64> {
    let client = Client::with_uri_str(bench.world.mongodb_url()?).await?;
    let status: Document = client.database("admin").run_command(doc! { "serverStatus": 1 }).await?;
    let commands = status.get_document("metrics")?.get_document("commands")?;
    let total = |name: &str| commands.get_document(name).ok().and_then(|one| one.get_i64("total").ok()).unwrap_or(0);
    Ok(["find", "aggregate", "insert", "update", "delete", "findAndModify", "commitTransaction"]
        .map(total)
        .iter()
        .sum::<i64>() as f64)
}

/// Requests that a cache answered, and all.
async fn cache_requests(origin: &Server) -> Result<(f64, f64)> {
    let client = crate::http::client_builder().build()?;
    let text = client.get(origin.url("/metrics")).send().await?.text().await?;
    let (mut hits, mut all) = (0.0, 0.0);
    for line in text.lines().filter(|line| line.starts_with("kairos_cache_requests_total")) {
        let count: f64 = line.rsplit(' ').next().context("a value")?.parse()?;
        all += count;
        hits += if line.contains("result=\"hit\"") { count } else { 0.0 };
    }
    Ok((hits, all))
}

/// Lua: seven requests in ten for what a learner did, the rest for modules, and one in a hundred writes.
fn script(tokens: &[String], fields: &str) -> String {
    let mut script = "local tokens = {\n".to_owned();
    for token in tokens {
        let _ = writeln!(script, "'{token}',");
    }
    let _ = write!(
        script,
        "}}
local modules = {{ 'freshness', 'vary', 'validation', 'invalidation', 'offline-first', 'why-caches' }}
local paths = {{ '/v1/me/progress/stats', '/v1/me/progress', '/v1/me/history' }}
local sums, sum, written, salt = {{}}, 0, 0, 0
function init(args)
  math.randomseed(os.time())
  salt = math.random(1000000000)
  for rank = 1, {LEARNERS} do sum = sum + 1 / rank ^ 0.99; sums[rank] = sum end
end
local function zipf()
  local at, low, high = math.random() * sum, 1, {LEARNERS}
  while low < high do
    local middle = math.floor((low + high) / 2)
    if sums[middle] < at then low = middle + 1 else high = middle end
  end
  return low
end
function request()
  local dice = math.random()
  local token = tokens[zipf()]
  if dice < 0.01 then
    written = written + 1
    local id = string.format('zipf-%d-%d-%d', salt, written, math.random(1000000000))
    local body = '{{\"operations\":[{{\"id\":\"' .. id .. '\",\"module\":\"vary\",\"at_ms\":1700000000000,\"action\":{{\"kind\":\"study\",\"seconds\":60}}}}]}}'
    return wrk.format('POST', '/v1/me/operations', {{ Authorization = 'Bearer ' .. token, ['Content-Type'] = 'application/json' }}, body)
  end
  if dice < 0.3 then
    return wrk.format('GET', '/v1/modules/' .. modules[math.random(#modules)], {{ ['Accept-Encoding'] = 'br'{fields} }})
  end
  return wrk.format('GET', paths[math.random(#paths)], {{ Authorization = 'Bearer ' .. token, ['Accept-Encoding'] = 'br'{fields} }})
end
"
    );
    script
}
