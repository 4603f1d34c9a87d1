//! `kairos-origin cache`: what a running origin stores, and purging it. A client of its API: memory is the process's own, so only that
//! process can say what is in it; and a purge that goes through one is announced and bounded as any write.

use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use clap::{ArgGroup, Args, Subcommand};
use kairos_protocol::api::account::{LoginRequest, TokenGrant};
use kairos_protocol::api::cache::{CacheReport, PathReport, PurgeRequest, Purged, Tier, TierReport};
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::Problem;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, Method, RequestBuilder};
use serde::de::DeserializeOwned;

use super::output::{say, say_table};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kairos-origin cache stats --token-file /run/secrets/admin-token
  kairos-origin cache inspect '/v1/modules?limit=10' --url http://10.0.0.5:8080
  kairos-origin cache inspect /v1/me/progress --user 4f1c
  kairos-origin cache purge --module caching
  kairos-origin cache purge --namespace catalog
  kairos-origin cache purge --tag statistics
  kairos-origin cache purge --path '/v1/modules*'
  echo 'the password' | kairos-origin cache stats --email ada@school.example --password-stdin

It takes an admin: `kairos-origin account --role admin` makes one. Tokens last 15 minutes.")]
/// Options of `cache`.
pub struct CacheCommand {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    origin: Origin,
}

#[derive(Debug, Subcommand)]
enum What {
    /// How much is stored, and how reads were answered, by policy.
    Stats,
    /// Where a response is stored for a path, how old it is and for how long it is fresh.
    Inspect {
        /// A path, with its query if it has one.
        path: String,
        /// The account whose response it is, where it is one's own.
        #[arg(long, value_name = "ID")]
        user: Option<String>,
    },
    /// Let stored responses not be used any more, on all instances.
    Purge(PurgeOptions),
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("purged").required(true)))]
struct PurgeOptions {
    /// All that depends on `catalog`, or on `user.ID`.
    #[arg(long, group = "purged", value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// This module, and lists and searches.
    #[arg(long, group = "purged", value_name = "SLUG")]
    module: Option<String>,
    /// All of one policy, such as catalog-list, or of several: catalog, learner.
    #[arg(long, group = "purged", value_name = "TAG")]
    tag: Option<String>,
    /// All of each policy that has paths which begin as this does before its first `*`.
    #[arg(long, group = "purged", value_name = "PATTERN")]
    path: Option<String>,
}

/// Which origin, and who asks.
#[derive(Debug, Args)]
struct Origin {
    /// Where the origin is.
    #[arg(long, global = true, env = "KAIROS_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    url: String,
    /// An admin's access token; better in the variable, as others on the machine see arguments.
    #[arg(long, global = true, env = "KAIROS_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,
    /// Read that from the first line of this file.
    #[arg(long, global = true, env = "KAIROS_TOKEN_FILE", value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// Sign in as this admin instead.
    #[arg(long, global = true, requires = "password_stdin", conflicts_with_all = ["token", "token_file"])]
    email: Option<String>,
    /// Read the password from standard input; its line end does not count.
    #[arg(long, global = true, requires = "email")]
    password_stdin: bool,
    /// Print the response as it comes, JSON.
    #[arg(long, global = true)]
    json: bool,
}

impl CacheCommand {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let Self { what, origin } = self;
        let caller = Caller::new(&origin).await?;
        match what {
            What::Stats => origin.show(&caller.get(&[]).await?, show_stats),
            What::Inspect { path, user } => {
                let query: Vec<_> = std::iter::once(("path", path)).chain(user.map(|user| ("user", user))).collect();
                origin.show(&caller.get(&query).await?, |report| report.stored.as_ref().map_or((), show_path))
            }
            What::Purge(PurgeOptions { namespace, module, tag, path }) => {
                let request = PurgeRequest { namespace, module, tag, path };
                let purged: Purged =
                    read(caller.request(Method::POST, paths::ADMIN_CACHE_PURGE).json(&request)).await?;
                origin.show(&purged, show_purged)
            }
        }
    }
}

impl Origin {
    fn show<T: serde::Serialize>(&self, response: &T, show: impl FnOnce(&T)) -> anyhow::Result<()> {
        if self.json {
            say(&serde_json::to_string_pretty(response)?);
        } else {
            show(response);
        }
        Ok(())
    }
}

/// A client of one origin, with an admin's token.
struct Caller {
    client: Client,
    url: String,
    token: String,
}

impl Caller {
    async fn new(origin: &Origin) -> anyhow::Result<Self> {
        // What TLS computes with. Only the first in a process counts, and any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let is_tls = origin.url.starts_with("https:");
        let client = if is_tls { builder.build() } else { builder.tls_certs_only([]).build() }?;
        let url = origin.url.trim_end_matches('/').to_owned();
        let token = match (&origin.token, &origin.token_file, &origin.email) {
            (Some(token), _, _) => token.trim().to_owned(),
            (None, Some(file), _) => {
                let text = std::fs::read_to_string(file).with_context(|| format!("--token-file {}", file.display()))?;
                text.lines().next().unwrap_or_default().trim().to_owned()
            }
            (None, None, Some(email)) => sign_in(&client, &url, email).await?,
            (None, None, None) => bail!("name an admin's token with --token-file, or sign in with --email"),
        };
        Ok(Self { client, url, token })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    async fn get(&self, query: &[(&str, String)]) -> anyhow::Result<CacheReport> {
        let pair = |(name, value): &(&str, String)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        let query: Vec<_> = query.iter().map(pair).collect();
        read(self.request(Method::GET, &format!("{}?{}", paths::ADMIN_CACHE, query.join("&")))).await
    }
}

async fn sign_in(client: &Client, url: &str, email: &str) -> anyhow::Result<String> {
    let mut password = String::new();
    std::io::stdin().read_to_string(&mut password).context("reading the password")?;
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    let body = LoginRequest { email: email.to_owned(), password };
    let grant: TokenGrant = read(client.post(format!("{url}{}", paths::LOGIN)).json(&body)).await?;
    Ok(grant.access_token)
}

/// The response, or what is wrong, in one line.
async fn read<T: DeserializeOwned>(request: RequestBuilder) -> anyhow::Result<T> {
    let response =
        request.send().await.map_err(|error| anyhow!("{} (--url): is the origin there?", error.without_url()))?;
    let status = response.status();
    let body = response.bytes().await.map_err(reqwest::Error::without_url)?;
    if status.is_success() {
        return serde_json::from_slice(&body).context("the response is not that of an origin of this release");
    }
    let Ok(Problem { title, detail, errors, .. }) = serde_json::from_slice(&body) else { bail!("status {status}") };
    let fields: Vec<_> = errors.iter().map(|error| format!("{} {}", error.field, error.detail)).collect();
    let more = if fields.is_empty() { detail } else { fields.join("; ") };
    bail!("{}", format!("{title}: {more}").trim_end_matches([':', ' ']))
}

fn show_stats(report: &CacheReport) {
    let memory = &report.memory;
    say(&format!("memory: {} responses, {} of {} bytes", memory.entries, memory.bytes, memory.capacity_bytes));
    let redis = serde_json::to_value(report.redis).unwrap_or_default();
    say(&format!("redis: {}", redis.as_str().unwrap_or_default()));
    let rows: Vec<_> = report
        .policies
        .iter()
        .map(|policy| {
            let numbers = [policy.memory_hits, policy.redis_hits, policy.misses, policy.stale];
            let [memory, redis, misses, stale] = numbers.map(|number| number.to_string());
            [policy.policy.clone(), memory, redis, misses, stale, policy.tags.join(" ")]
        })
        .collect();
    say_table(["policy", "hits in memory", "in redis", "misses", "stale", "tags"], &rows);
}

fn show_path(report: &PathReport) {
    let current = report.current.as_deref().unwrap_or("not known without asking the store");
    say(&format!("{} ({}), current: {current}", report.target, report.policy));
    if report.tiers.is_empty() {
        say("nothing is stored for it");
        return;
    }
    let row = |tier: &TierReport| {
        [
            if tier.tier == Tier::Memory { "memory" } else { "redis" }.to_owned(),
            tier.generations.clone(),
            tier.module_generation.map_or_else(|| "-".to_owned(), |number| number.to_string()),
            format!("{} s", tier.age_secs),
            format!("{} s", tier.fresh_for_secs),
            tier.bytes.to_string(),
            tier.codings.join(" "),
        ]
    };
    let rows: Vec<_> = report.tiers.iter().map(row).collect();
    say_table(["tier", "generations", "module", "age", "fresh for", "bytes", "codings"], &rows);
}

fn show_purged(purged: &Purged) {
    for namespace in &purged.namespaces {
        say(&format!("purged: {namespace}, on instances that share a Redis at once, on others within 2 s"));
    }
    for policy in &purged.policies {
        say(&format!("purged: all of {policy}, there at once, on other instances within 3 s"));
    }
}
