//! Which store and which cache: options that all commands share, and the one place that turns them into adapters.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use crate::auth::tokens::Tokens;
use crate::cache::Cache;
use crate::cache::redis::{Redis, RedisConfig};
use crate::environment::Environment;
use crate::store::Store;
use crate::store::mongo::MongoStore;
use crate::store::sqlite::SqliteStore;

/// Where data is stored.
#[derive(Clone, Debug, Args)]
pub struct Adapters {
    /// File of the embedded store.
    #[arg(long, env = "KAIROS_DATA", default_value = "kairos.db", value_name = "FILE")]
    pub data: PathBuf,
    /// Store everything in this MongoDB instead: mongodb://HOST:PORT/DATABASE
    #[arg(long, env = "MONGODB_URL", value_name = "URL", hide_env_values = true)]
    pub mongodb_url: Option<String>,
    /// Share caches through this Redis: redis://HOST:PORT
    #[arg(long, env = "REDIS_URL", value_name = "URL", hide_env_values = true)]
    pub redis_url: Option<String>,
}

impl Adapters {
    /// Opens the store, and the cache before it.
    ///
    /// # Errors
    /// The file cannot be opened, MongoDB cannot be reached, or a URL is not valid. A Redis that is down is no error.
    pub async fn open(&self, environment: &Environment) -> anyhow::Result<(Arc<dyn Store>, Cache)> {
        let store = self.store().await?;
        let key = Tokens::generate_key(environment).map_err(|error| anyhow::anyhow!(error.problem.title))?;
        let key = store.signing_key(&key).await.with_context(|| match self.mongodb_url() {
            Some(_) => "the store cannot be used: does MongoDB run where --mongodb-url says?".to_owned(),
            None => format!("{} cannot be used", self.data.display()),
        })?;
        // Every database has a key of its own, so several can share a Redis.
        let cache = self.cache(Arc::clone(&store), &format!("kairos:{}:", key.kid), environment).await?;
        Ok((store, cache))
    }

    async fn store(&self) -> anyhow::Result<Arc<dyn Store>> {
        Ok(match self.mongodb_url() {
            Some(url) => Arc::new(MongoStore::open(url).await.context("--mongodb-url")?),
            None => Arc::new(SqliteStore::open(&self.data)?),
        })
    }

    async fn cache(&self, store: Arc<dyn Store>, key_prefix: &str, environment: &Environment) -> anyhow::Result<Cache> {
        let Some(url) = self.redis_url() else { return Ok(Cache::local(store)) };
        let config = RedisConfig { key_prefix: key_prefix.to_owned(), ..RedisConfig::new(url) };
        Ok(Cache::shared(store, Redis::connect(config, environment.clone()).await.context("--redis-url")?))
    }

    /// An empty variable is as good as none.
    pub(super) fn mongodb_url(&self) -> Option<&str> {
        self.mongodb_url.as_deref().filter(|url| !url.is_empty())
    }

    fn redis_url(&self) -> Option<&str> {
        self.redis_url.as_deref().filter(|url| !url.is_empty())
    }

    /// What was chosen, for people; without secrets.
    #[must_use]
    pub fn describe(&self) -> String {
        let store = if self.mongodb_url().is_some() { "MongoDB".to_owned() } else { self.data.display().to_string() };
        let cache = if self.redis_url().is_some() { "in process and Redis" } else { "in process" };
        format!("store: {store}, cache: {cache}")
    }
}
