//! Ten thousand connections, each of which asks now and then.

use std::time::Duration;

use anyhow::Result;

use crate::bench::report::{Figure, Goal, rate};
use crate::bench::rounds::{Bench, as_random_learner};
use crate::bench::world::StoreKind;
use crate::bench::wrk::Load;

const MANY: usize = 10_000;
const LASTING: Duration = Duration::from_secs(60);
/// Between two requests of one connection, at most; half of it in the mean, so that all together send 2,000 a second.
const LONGEST_PAUSE_MS: u64 = 10_000;

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<()> {
    hold(bench, "embedded", StoreKind::Sqlite, false).await?;
    if bench.world.redis.is_some() && bench.world.has_mongo() {
        hold(bench, "MongoDB with Redis", StoreKind::Mongo, true).await?;
    }
    Ok(())
}

async fn hold(bench: &mut Bench<'_>, name: &str, kind: StoreKind, with_redis: bool) -> Result<()> {
    let origin = bench.world.origin(kind, with_redis).await?;
    let tokens = bench.world.tokens(kind);
    let mut script = as_random_learner(tokens, "/v1/me/progress/stats", &[]);
    script.push_str(&format!("function delay() return math.random(0, {LONGEST_PAUSE_MS}) end\n"));
    let load = Load { url: origin.url("/"), connections: MANY, lasting: LASTING, script };
    let outcome = load.run(bench.world.folder.path()).await?;
    let resident = origin.resident_mib()?;
    let failed = outcome.errors + outcome.timeouts;
    bench.report.add(Figure {
        what: format!("10,000 connections for 60 s, {name}: errors and time-outs"),
        ours: format!("{}: {} errors, {} time-outs", rate(outcome.per_sec), outcome.errors, outcome.timeouts),
        beside: "–".to_owned(),
        value: failed as f64,
        goal: Goal::AtMost(0.0),
    });
    bench.report.add(Figure {
        what: format!("the same, {name}: p95, ms"),
        ours: format!("p50 {:.1} ms, p99 {:.1} ms", outcome.p50, outcome.p99),
        beside: "–".to_owned(),
        value: outcome.p95,
        goal: Goal::AtMost(200.0),
    });
    bench.report.add(Figure {
        what: format!("the same, {name}: resident, MiB"),
        ours: format!("{resident:.0} MiB"),
        beside: "–".to_owned(),
        value: resident,
        goal: Goal::AtMost(300.0),
    });
    Ok(())
}
