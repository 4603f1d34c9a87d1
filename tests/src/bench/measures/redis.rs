//! The same with Redis, which is asked at each hit whether what memory has is current; and what comes from Redis itself.

use anyhow::Result;

use crate::bench::data::MODULE;
use crate::bench::report::{Figure, Goal, rate};
use crate::bench::rounds::{Bench, CONNECTIONS, as_random_learner, rates};
use crate::bench::world::StoreKind;
use crate::bench::wrk::Load;

/// Learners whose responses are in Redis.
const ASKING: usize = 500;

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<()> {
    if bench.world.redis.is_none() {
        bench.report.left_out.push("Redis is not installed".to_owned());
        return Ok(());
    }
    let lasting = bench.lasting();
    let alone = bench.world.origin(StoreKind::Sqlite, false).await?;
    let sharing = bench.world.origin(StoreKind::Sqlite, true).await?;
    let without_memory = bench.world.origin_with(StoreKind::Sqlite, true, &["--memory-cache-mib", "0"]).await?;
    let tokens = bench.world.tokens(StoreKind::Sqlite).get(..ASKING).unwrap_or_default();
    let script = as_random_learner(tokens, "/v1/me/progress/stats", &[]);
    let module = |url: String| Load::get(url, &[("Accept-Encoding", "br")], CONNECTIONS, lasting);
    let stats = |url: String| Load { url, connections: CONNECTIONS, lasting, script: script.clone() };
    let loads = [
        module(sharing.url(MODULE)),
        module(alone.url(MODULE)),
        stats(sharing.url("/")),
        stats(alone.url("/")),
        stats(without_memory.url("/")),
    ];
    let outcomes = bench.in_turns(&loads).await?;
    if let [module, module_alone, stats, stats_alone, second] = outcomes.as_slice() {
        let goal = Goal::AtLeast(0.8);
        bench.compare("a module, with Redis", module, module_alone, "without", goal);
        bench.compare("statistics of 500 learners, with Redis", stats, stats_alone, "without", goal);
        bench.report.add(Figure {
            what: "statistics from Redis, with nothing in memory".to_owned(),
            ours: rate(rates(second)),
            beside: "–".to_owned(),
            value: rates(second),
            goal: Goal::AtLeast(20_000.0),
        });
    }
    Ok(())
}
