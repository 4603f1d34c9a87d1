//! Statistics that nothing has stored: each request is one aggregation. On MongoDB beside the bare driver, which sends the same
//! aggregation in a loop and does nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use mongodb::bson::{Document, doc};
use mongodb::{Client, Collection};
use tokio::time::{Instant, sleep};

use crate::bench::data::{LEARNERS, learner};
use crate::bench::report::{Figure, Goal, median, rate};
use crate::bench::rounds::{Bench, CONNECTIONS, as_random_learner, rates};
use crate::bench::world::StoreKind;
use crate::bench::wrk::Load;

/// What FastAPI with Motor reached on such a machine, one `$group` a request.
const FASTAPI_PER_SEC: f64 = 1_650.0;
/// Asks for what is new, as a miss does: the whole way to the store.
const FIELDS: &[(&str, &str)] = &[("Cache-Control", "no-cache")];

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<()> {
    embedded(bench).await?;
    if bench.world.has_mongo() {
        return mongo(bench).await;
    }
    bench.report.left_out.push("no mongod".to_owned());
    Ok(())
}

fn statistics(bench: &Bench<'_>, kind: StoreKind, url: String, connections: usize) -> Load {
    let script = as_random_learner(bench.world.tokens(kind), "/v1/me/progress/stats", FIELDS);
    Load { url, connections, lasting: bench.lasting(), script }
}

async fn embedded(bench: &mut Bench<'_>) -> Result<()> {
    let origin = bench.world.origin(StoreKind::Sqlite, false).await?;
    let load = statistics(bench, StoreKind::Sqlite, origin.url("/"), CONNECTIONS);
    let outcomes = bench.in_turns(&[load]).await?.concat();
    bench.tell_rate("uncached statistics, embedded", &outcomes, Goal::AtLeast(15_000.0));
    Ok(())
}

async fn mongo(bench: &mut Bench<'_>) -> Result<()> {
    let origin = bench.world.origin(StoreKind::Mongo, false).await?;
    let load = statistics(bench, StoreKind::Mongo, origin.url("/"), CONNECTIONS);
    let few = statistics(bench, StoreKind::Mongo, origin.url("/"), 32);
    let client = Client::with_uri_str(bench.world.mongodb_url()?).await?;
    let progress = client.database("kairos").collection::<Document>("progress");
    let (mut ours, mut latencies, mut ratios, mut bare_rates) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    bare(&progress, Duration::from_secs(1)).await;
    bench
        .in_turns(&[Load {
            lasting: Duration::from_secs(1),
            url: load.url.clone(),
            script: load.script.clone(),
            ..load
        }])
        .await?;
    for _ in 0..bench.options.rounds {
        let outcome = load.run(bench.world.folder.path()).await?;
        let beside = bare(&progress, bench.lasting()).await;
        ratios.push(outcome.per_sec / beside);
        bare_rates.push(beside);
        ours.push(outcome);
        latencies.push(few.run(bench.world.folder.path()).await?.p95);
    }
    bench.report.add(Figure {
        what: "uncached statistics, MongoDB".to_owned(),
        ours: rate(rates(&ours)),
        beside: format!("bare driver {}", rate(median(bare_rates))),
        value: median(ratios),
        goal: Goal::AtLeast(0.75),
    });
    bench.tell_rate("the same, beside FastAPI and Motor (1.65 k/s)", &ours, Goal::AtLeast(3.0 * FASTAPI_PER_SEC));
    let p95 = median(latencies);
    bench.report.add(Figure {
        what: "the same, p95 at 32 connections, ms".to_owned(),
        ours: format!("{p95:.1} ms"),
        beside: "–".to_owned(),
        value: p95,
        goal: Goal::AtMost(20.0),
    });
    Ok(())
}

/// How often a second the driver alone does the aggregation, with as many at once.
async fn bare(progress: &Collection<Document>, lasting: Duration) -> f64 {
    let (over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let began = Instant::now();
    let asking: Vec<_> = (0..CONNECTIONS)
        .map(|first| {
            let (progress, over, done) = (progress.clone(), Arc::clone(&over), Arc::clone(&done));
            tokio::spawn(async move {
                let mut number = first * 7_919;
                while !over.load(Ordering::Relaxed) {
                    number = (number + 104_729) % LEARNERS;
                    let Ok(user) = learner(number) else { return };
                    if aggregate(&progress, user.as_str()).await.is_ok() {
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    sleep(lasting).await;
    over.store(true, Ordering::Relaxed);
    for one in asking {
        // One that failed counted nothing.
        let _ = one.await;
    }
    done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

/// The same sums as the origin's.
async fn aggregate(progress: &Collection<Document>, user: &str) -> mongodb::error::Result<bool> {
    let count_if = |condition: Document| doc! { "$sum": { "$cond": [condition, 1_i64, 0_i64] } };
    let group = doc! {
        "_id": null, "modules": { "$sum": 1_i64 },
        "completed": count_if(doc! { "$eq": ["$status", "completed"] }),
        "in_progress": count_if(doc! { "$eq": ["$status", "in_progress"] }),
        "time_spent_secs": { "$sum": "$time_spent_secs" }, "attempts": { "$sum": { "$toLong": "$attempts" } },
        "scored": count_if(doc! { "$gte": ["$best_score", 0] }), "score_sum": { "$sum": { "$toLong": "$best_score" } },
    };
    let mut found = progress.aggregate([doc! { "$match": { "user_id": user } }, doc! { "$group": group }]).await?;
    found.advance().await
}
