//! The audit at the end: all of a learner's history and statistics, from the store, for the check that every acknowledged operation
//! counts once.

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
use super::sessions::{Account, RunContext};
use crate::origin::PASSWORD;

/// How often a read is tried, and how long between: what the last fault broke may still be coming back.
const ATTEMPTS: usize = 60;
const PAUSE: Duration = Duration::from_millis(500);

/// Reads everything that `account` has.
pub(super) async fn audit(context: &RunContext, learner: usize, account: &Account) -> Result<Audit> {
    let mut audit = Audit { learner, ..Audit::default() };
    let mut cursor = None;
    loop {
        let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page: Page<HistoryEntry> = read(context, account, &format!("{}?limit=100{after}", paths::HISTORY)).await?;
        for entry in page.items {
            let id = entry.id.as_str();
            audit.history.push(OperationName::parse(id).with_context(|| format!("no operation's id: {id}"))?);
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let statistics: Statistics = read(context, account, paths::STATISTICS).await?;
    Ok(Audit { attempts: statistics.attempts, seconds: statistics.time_spent_secs, ..audit })
}

async fn read<T: DeserializeOwned>(context: &RunContext, account: &Account, path: &str) -> Result<T> {
    let mut last = "no target".to_owned();
    for target in context.targets.iter().cycle().take(ATTEMPTS) {
        let request = context.client.get(format!("{}{path}", target.url)).bearer_auth(account.token());
        match request.header("cache-control", "no-cache").timeout(Duration::from_secs(30)).send().await {
            Ok(response) if response.status().is_success() => return Ok(response.json().await?),
            Ok(response) if response.status() == reqwest::StatusCode::UNAUTHORIZED => {
                let credentials = json!({ "email": account.email, "password": PASSWORD });
                let login = context.client.post(format!("{}{}", target.url, paths::LOGIN)).json(&credentials);
                let grant: TokenGrant = login.send().await?.json().await?;
                account.renew(&grant.access_token);
            }
            Ok(response) => last = format!("{} {path}: {}", target.name, response.status()),
            Err(error) => last = format!("{} {path}: {error}", target.name),
        }
        tokio::time::sleep(PAUSE).await;
    }
    bail!("the audit failed: {last}")
}
