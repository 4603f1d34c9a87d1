//! What there must be before sessions begin: an author, modules, learners. Not what sessions do with it.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use kairos_protocol::api::account::TokenGrant;
use kairos_protocol::api::paths;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::sessions::{Account, MODULES, author_draft};
use crate::origin::PASSWORD;

const AUTHOR: &str = "author@chaos.example";

/// The accounts of a run.
pub(super) struct Accounts {
    pub(super) author: Arc<Account>,
    pub(super) learners: Vec<Arc<Account>>,
}

/// Makes everything through the first origin.
pub(super) async fn prepare(cluster: &Cluster, learners: usize) -> Result<Accounts> {
    let first = cluster.targets.first().context("no origin")?;
    let client = crate::http::client_builder().build()?;
    let post = async |path: &str, token: Option<&str>, body: Vec<u8>| {
        let mut request = client.post(format!("{}{path}", first.url)).header("content-type", "application/json");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.body(body).send().await?;
        let (status, text) = (response.status(), response.text().await?);
        ensure!(status.is_success(), "POST {path}: {status} {text}");
        Ok::<_, anyhow::Error>(text)
    };
    let sign_in = async |path: &str, body: Value| {
        let grant: TokenGrant = serde_json::from_str(&post(path, None, body.to_string().into_bytes()).await?)?;
        let profile = grant.profile;
        Ok::<_, anyhow::Error>(Arc::new(Account::new(profile.email, profile.id, &grant.access_token)))
    };
    cluster.create_author(AUTHOR, PASSWORD).await?;
    let author = sign_in(paths::LOGIN, json!({ "email": AUTHOR, "password": PASSWORD })).await?;
    for module in 0..MODULES {
        post(paths::MODULES, Some(&author.token()), author_draft(module, 1, None)).await?;
    }
    let mut accounts = Vec::new();
    for learner in 0..learners {
        let email = format!("learner-{learner}@chaos.example");
        let name = format!("Learner {learner}");
        let body = json!({ "email": email, "display_name": name, "password": PASSWORD });
        accounts.push(sign_in(paths::REGISTER, body).await?);
    }
    Ok(Accounts { author, learners: accounts })
}
