//! From start to ready on the embedded store, and what it takes when nobody asks.

use anyhow::Result;
use tokio::time::Instant;

use crate::bench::report::{Figure, Goal, median};
use crate::bench::rounds::Bench;
use crate::bench::world::StoreKind;

const STARTS: usize = 10;

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<()> {
    let (mut times, mut resident) = (Vec::new(), Vec::new());
    let client = crate::http::client_builder().build()?;
    for _ in 0..STARTS {
        let began = Instant::now();
        let origin = bench.world.origin(StoreKind::Sqlite, false).await?;
        client.get(origin.url("/health/ready")).send().await?.error_for_status()?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        resident.push(origin.resident_mib()?);
        origin.stop().await?;
    }
    let (time, resident) = (median(times), median(resident));
    for (what, value, unit, most) in
        [("from start to ready, ms", time, "ms", 100.0), ("resident when idle, MiB", resident, "MiB", 25.0)]
    {
        bench.report.add(Figure {
            what: what.to_owned(),
            ours: format!("{value:.0} {unit}"),
            beside: "–".to_owned(),
            value,
            goal: Goal::AtMost(most),
        });
    }
    Ok(())
}
