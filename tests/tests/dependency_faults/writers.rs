//! Who writes under load, each write until it is acknowledged, as a client does; and whether all that was acknowledged is there once. Not
//! who reads.

use std::time::Duration;

use kairos_protocol::api::catalog::Module;
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::page::Page;
use kairos_protocol::api::paths;
use kairos_protocol::api::progress::Statistics;
use kairos_tests::origin::draft;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::load::Shared;
use super::observations::Kind;

/// Between two operations, and two editions.
const PAUSE: Duration = Duration::from_millis(100);
const PATH: &str = "/v1/modules/caching";

/// What a learner records: a minute of study. Acknowledged or not.
pub(crate) async fn study(shared: &Shared, number: u32) -> bool {
    let action = json!({ "kind": "study", "seconds": 60 });
    let operation = json!({ "id": format!("op-{number}"), "module": "vary", "at_ms": 5, "action": action });
    let request = shared.origin().request(Method::POST, paths::OPERATIONS).bearer_auth(&shared.scene.ada.token);
    let (reply, is_ok) =
        shared.send(Kind::Write, paths::OPERATIONS, request.json(&json!({ "operations": [operation] }))).await;
    if is_ok {
        let results: Value = reply.json();
        let outcome = results.pointer("/results/0/outcome").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !["applied", "duplicate"].contains(&outcome.as_str()) {
            shared.observations.violation(format!("op-{number} was {outcome}: {results}"));
        }
    }
    is_ok
}

/// Records one operation after the other, until told to stop. How many were acknowledged.
pub(crate) async fn learn(shared: &Shared) -> u32 {
    let mut acknowledged = 0;
    loop {
        while !study(shared, acknowledged).await {
            sleep(PAUSE).await;
        }
        acknowledged += 1;
        if shared.is_over() {
            return acknowledged;
        }
        sleep(PAUSE).await;
    }
}

/// Edits a module, edition after edition, until told to stop. The last version that was acknowledged.
pub(crate) async fn edit(shared: &Shared) -> u64 {
    let (mut version, mut acknowledged) = (1, 1);
    while !shared.is_over() {
        let mut body = draft("caching");
        if let Some(fields) = body.as_object_mut() {
            fields.insert("version".to_owned(), json!(version));
            fields.insert("title".to_owned(), json!(format!("Edition {}", version + 1)));
        }
        let request = shared.origin().request(Method::PUT, PATH).bearer_auth(&shared.scene.author.token).json(&body);
        let (reply, is_ok) = shared.send(Kind::Write, PATH, request).await;
        if is_ok {
            version += 1;
            acknowledged = version;
        } else if reply.status == 409 {
            version = current_version(shared).await.unwrap_or(version);
        }
        sleep(PAUSE * 3).await;
    }
    acknowledged
}

async fn current_version(shared: &Shared) -> Option<u64> {
    let request = shared.origin().request(Method::GET, PATH).header("cache-control", "no-cache");
    let (reply, is_ok) = shared.send(Kind::New, PATH, request).await;
    is_ok.then(|| reply.json::<Module>().version)
}

/// That what was acknowledged is there, once.
pub(crate) async fn check(shared: &Shared, operations: u32, version: u64) {
    let (origin, ada) = (shared.origin(), &shared.scene.ada);
    let statistics: Statistics = origin.get_as(ada, paths::STATISTICS).await.ok();
    assert_eq!(statistics.time_spent_secs, u64::from(operations) * 60, "each operation counts once");
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("{}?limit=100{cursor}", paths::HISTORY);
        let page: Page<HistoryEntry> = origin.get_as(ada, &path).await.ok();
        ids.extend(page.items.iter().map(|entry| entry.id.to_string()));
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    ids.sort();
    let mut expected: Vec<_> = (0..operations).map(|number| format!("op-{number}")).collect();
    expected.sort();
    assert_eq!(ids, expected, "the history has each operation once");
    let module: Module = origin.get(PATH).await.ok();
    assert!(module.version >= version, "edition {version} was acknowledged, {} is there", module.version);
    assert_eq!(module.summary.title == "About caching", module.version == 1);
    assert!(
        module.version == 1 || module.summary.title == format!("Edition {}", module.version),
        "{}",
        module.summary.title
    );
}
