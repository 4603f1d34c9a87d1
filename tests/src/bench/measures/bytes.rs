//! Bytes on the line, and one aggregation beside four queries. Rows Q1, Q2 and A1.

use anyhow::Result;
use mongodb::bson::{Document, doc};
use mongodb::{Client, Collection};
use tokio::time::Instant;

use crate::bench::data::{LEARNERS, MODULE, learner};
use crate::bench::process::Server;
use crate::bench::report::{Figure, Goal};
use crate::bench::rounds::Bench;
use crate::bench::world::StoreKind;

/// How often each is asked, one after the other.
const TIMES: usize = 500;

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<()> {
    let origin = bench.world.origin(StoreKind::Sqlite, false).await?;
    let list = body(&origin, "/v1/modules", "identity").await?;
    let page: serde_json::Value = serde_json::from_slice(&list)?;
    let mut whole = 0;
    for module in page.get("items").and_then(|items| items.as_array()).into_iter().flatten() {
        let slug = module.get("slug").and_then(|slug| slug.as_str()).unwrap_or_default();
        whole += body(&origin, &format!("/v1/modules/{slug}"), "identity").await?.len();
    }
    fewer(bench, "the list of modules, beside all of them whole (Q2)", list.len(), whole, 0.7);
    for path in [MODULE, "/v1/modules"] {
        let plain = body(&origin, path, "identity").await?.len();
        for coding in ["br", "gzip"] {
            let coded = body(&origin, path, coding).await?.len();
            fewer(bench, &format!("{path}, {coding}, beside plain (A1)"), coded, plain, 0.6);
        }
    }
    if bench.world.has_mongo() {
        queries(bench).await?;
    }
    Ok(())
}

async fn body(origin: &Server, path: &str, coding: &str) -> Result<Vec<u8>> {
    let client = crate::http::client_builder().build()?;
    let response = client.get(origin.url(path)).header("accept-encoding", coding).send().await?.error_for_status()?;
    Ok(response.bytes().await?.to_vec())
}

fn fewer(bench: &mut Bench<'_>, what: &str, ours: usize, beside: usize, least: f64) {
    bench.report.add(Figure {
        what: format!("{what}: share that is saved"),
        ours: format!("{ours} B"),
        beside: format!("{beside} B"),
        value: 1.0 - ours as f64 / beside as f64,
        goal: Goal::AtLeast(least),
    });
}

/// One after the other, as they were before: each a round trip.
async fn queries(bench: &mut Bench<'_>) -> Result<()> {
    let client = Client::with_uri_str(bench.world.mongodb_url()?).await?;
    let progress = client.database("kairos").collection::<Document>("progress");
    let (mut one, mut four) = (0.0, 0.0);
    for number in 0..TIMES {
        let user = learner(number % LEARNERS)?.to_string();
        let sums = doc! {
            "_id": null, "modules": { "$sum": 1 }, "time": { "$sum": "$time_spent_secs" },
            "completed": { "$sum": { "$cond": [{ "$eq": ["$status", "completed"] }, 1, 0] } },
            "score": { "$avg": "$best_score" },
        };
        one += secs(&progress, &user, &[sums]).await?;
        let parts = [
            doc! { "_id": null, "modules": { "$sum": 1 } },
            doc! { "_id": null, "completed": { "$sum": { "$cond": [{ "$eq": ["$status", "completed"] }, 1, 0] } } },
            doc! { "_id": null, "time": { "$sum": "$time_spent_secs" } },
            doc! { "_id": null, "score": { "$avg": "$best_score" } },
        ];
        four += secs(&progress, &user, &parts).await?;
    }
    bench.report.add(Figure {
        what: "statistics in one aggregation, beside four queries (Q1): share of time that is saved".to_owned(),
        ours: format!("{:.2} ms", one * 1e3 / TIMES as f64),
        beside: format!("{:.2} ms", four * 1e3 / TIMES as f64),
        value: 1.0 - one / four,
        goal: Goal::AtLeast(0.6),
    });
    Ok(())
}

async fn secs(progress: &Collection<Document>, user: &str, groups: &[Document]) -> Result<f64> {
    let began = Instant::now();
    for group in groups {
        let pipeline = [doc! { "$match": { "user_id": user } }, doc! { "$group": group.clone() }];
        progress.aggregate(pipeline).await?.advance().await?;
    }
    Ok(began.elapsed().as_secs_f64())
}
