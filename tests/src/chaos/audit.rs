//! The last look: all of a learner's history and statistics, from the store, for the check that every acknowledged operation counts once.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use kairos_protocol::api::account::TokenGrant;
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::page::Page;
use kairos_protocol::api::paths;
use kairos_protocol::api::progress::Statistics;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::event::{Audit, OperationName};
use super::sessions::{Account, Ground};
use crate::origin::PASSWORD;

/// How often an answer is asked for, and how long between: what the last fault broke may still be coming back.
const ATTEMPTS: usize = 60;
const PAUSE: Duration = Duration::from_millis(500);

/// Reads everything that `account` has.
pub(super) async fn audit(ground: &Ground, learner: usize, account: &Account) -> Result<Audit> {
    let mut audit = Audit { learner, ..Audit::default() };
    let mut cursor = None;
    loop {
        let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page: Page<HistoryEntry> = read(ground, account, &format!("{}?limit=100{after}", paths::HISTORY)).await?;
        for entry in page.items {
            let id = entry.id.as_str();
            audit.history.push(OperationName::parse(id).with_context(|| format!("an operation of nobody's: {id}"))?);
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let statistics: Statistics = read(ground, account, paths::STATISTICS).await?;
    Ok(Audit { attempts: statistics.attempts, seconds: statistics.time_spent_secs, ..audit })
}

async fn read<T: DeserializeOwned>(ground: &Ground, account: &Account, path: &str) -> Result<T> {
    let mut last = "no target".to_owned();
    for target in ground.targets.iter().cycle().take(ATTEMPTS) {
        let request = ground.client.get(format!("{}{path}", target.url)).bearer_auth(account.token());
        match request.header("cache-control", "no-cache").timeout(Duration::from_secs(30)).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(answer.json().await?),
            Ok(answer) if answer.status() == reqwest::StatusCode::UNAUTHORIZED => {
                let credentials = json!({ "email": account.email, "password": PASSWORD });
                let login = ground.client.post(format!("{}{}", target.url, paths::LOGIN)).json(&credentials);
                let grant: TokenGrant = login.send().await?.json().await?;
                account.renew(&grant.access_token);
            }
            Ok(answer) => last = format!("{} {path}: {}", target.name, answer.status()),
            Err(error) => last = format!("{} {path}: {error}", target.name),
        }
        tokio::time::sleep(PAUSE).await;
    }
    bail!("the last look failed: {last}")
}
