//! Which store and which cache: options that all commands share, and the one place that turns them into adapters.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::Args;

use super::server_url::ServerUrl;
use crate::auth::keys::Keys;
use crate::cache::Cache;
use crate::cache::redis::{Redis, RedisConfig};
use crate::environment::Environment;
use crate::store::mongo::MongoStore;
use crate::store::sqlite::SqliteStore;
use crate::store::{KeyStore, Store};

/// Where data is stored.
#[derive(Clone, Debug, Args)]
pub struct Adapters {
    /// File of the embedded store.
    #[arg(long, env = "KAIROS_DATA", default_value = "kairos.db", value_name = "FILE")]
    pub data: PathBuf,
    /// Store everything in this MongoDB instead: mongodb://HOST:PORT/DATABASE, or mongodb+srv://…
    #[arg(long, env = "MONGODB_URL", value_name = "URL", hide_env_values = true)]
    pub mongodb_url: Option<ServerUrl>,
    /// Read that URL, with its password, from the first line of this file.
    #[arg(long, env = "KAIROS_MONGODB_URL_FILE", value_name = "FILE")]
    pub mongodb_url_file: Option<PathBuf>,
    /// Share caches through this Redis: redis://HOST:PORT, or rediss://… for TLS; a cluster is redis-cluster://HOST:PORT,HOST:PORT, and a master under sentinels redis-sentinel://HOST:PORT,HOST:PORT/NAME
    #[arg(long, env = "REDIS_URL", value_name = "URL", hide_env_values = true)]
    pub redis_url: Option<ServerUrl>,
    /// Read that URL, with its password, from the first line of this file.
    #[arg(long, env = "KAIROS_REDIS_URL_FILE", value_name = "FILE")]
    pub redis_url_file: Option<PathBuf>,
    /// Trust the certificates in this PEM file, and no others, for Redis. (For MongoDB: tlsCAFile in its URL.)
    #[arg(long, env = "KAIROS_REDIS_CA_FILE", value_name = "FILE")]
    pub redis_ca_file: Option<PathBuf>,
}

/// The store by itself, for what operators ask of it.
pub(super) enum Opened {
    Mongo(MongoStore),
    Sqlite(SqliteStore),
}

impl Adapters {
    /// Opens the store, and the cache before it.
    ///
    /// # Errors
    /// The file cannot be opened, MongoDB cannot be reached, or a URL is not valid. A Redis that is down is no error.
    pub async fn open(&self, environment: &Environment) -> anyhow::Result<(Arc<dyn Store>, Cache)> {
        let (store, restored_at): (Arc<dyn Store>, u64) = match self.mongodb_url()? {
            Some(url) => (Arc::new(open_mongo(&url).await?), 0),
            None => {
                let store = SqliteStore::open(&self.data)?;
                let restored_at = store.restored_at().await?;
                (Arc::new(store), restored_at)
            }
        };
        let keys = Keys::new(store.clone(), environment.clone());
        let ring = keys.current().await.map_err(|error| anyhow!(error.cause.unwrap_or(error.problem.title)));
        let ring = ring.with_context(|| {
            if self.has_mongodb() {
                "the store cannot be used: does MongoDB run where --mongodb-url says?".to_owned()
            } else {
                format!("{} cannot be used", self.data.display())
            }
        })?;
        // Every database has a name of its own, so several can share a Redis. One that was put back has it still, and must not find what
        // Redis has of the state that is gone.
        let prefix = match restored_at {
            0 => format!("kairos:{}:", ring.installation),
            number => format!("kairos:{}:{number}:", ring.installation),
        };
        let cache = self.cache(Arc::clone(&store), &prefix, environment).await?;
        Ok((store, cache))
    }

    /// Opens the store as it is: unlike [`Adapters::open`], creates neither a file nor an index.
    pub(super) async fn opened(&self) -> anyhow::Result<Opened> {
        if let Some(url) = self.mongodb_url()? {
            return Ok(Opened::Mongo(open_mongo(&url).await?));
        }
        if !self.data.is_file() {
            bail!("{} is not there; name the file of the embedded store with --data", self.data.display());
        }
        Ok(Opened::Sqlite(SqliteStore::open(&self.data)?))
    }

    /// The signing keys, of a store as it is.
    pub(super) async fn keys(&self) -> anyhow::Result<Keys> {
        let store: Arc<dyn KeyStore> = match self.opened().await? {
            Opened::Mongo(store) => Arc::new(store),
            Opened::Sqlite(store) => Arc::new(store),
        };
        Ok(Keys::new(store, Environment::system()))
    }

    /// The file of the embedded store, for commands that are about that file alone.
    ///
    /// # Errors
    /// MongoDB is named; `instead` says what does the same there.
    pub(super) fn data_file(&self, instead: &str) -> anyhow::Result<&Path> {
        if self.has_mongodb() {
            bail!("this is for the embedded store; for MongoDB use {instead} (docs/OPERATIONS.md)");
        }
        Ok(&self.data)
    }

    async fn cache(&self, store: Arc<dyn Store>, key_prefix: &str, environment: &Environment) -> anyhow::Result<Cache> {
        let Some(url) = choose(self.redis_url.as_ref(), self.redis_url_file.as_ref(), "redis")? else {
            return Ok(Cache::local(store));
        };
        let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("--redis-ca-file {}", path.display()));
        let ca_pem = self.redis_ca_file.as_ref().map(read).transpose()?;
        let config = RedisConfig { key_prefix: key_prefix.to_owned(), ca_pem, ..RedisConfig::new(url.as_str()) };
        let redis = Redis::connect(config, environment.clone()).await;
        let redis = redis.map_err(|error| anyhow!("--redis-url: {}", url.redact(&error.to_string())))?;
        Ok(Cache::shared(store, redis))
    }

    fn mongodb_url(&self) -> anyhow::Result<Option<ServerUrl>> {
        choose(self.mongodb_url.as_ref(), self.mongodb_url_file.as_ref(), "mongodb")
    }

    fn has_mongodb(&self) -> bool {
        is_given(self.mongodb_url.as_ref()) || self.mongodb_url_file.is_some()
    }

    /// What was chosen, for people; without secrets.
    #[must_use]
    pub fn describe(&self) -> String {
        let store = if self.has_mongodb() { "MongoDB".to_owned() } else { self.data.display().to_string() };
        let has_redis = is_given(self.redis_url.as_ref()) || self.redis_url_file.is_some();
        let cache = if has_redis { "in process and Redis" } else { "in process" };
        format!("store: {store}, cache: {cache}")
    }
}

/// An empty variable is as good as none.
fn is_given(url: Option<&ServerUrl>) -> bool {
    url.is_some_and(|url| !url.as_str().is_empty())
}

/// The URL that was given, or that is in the file.
fn choose(url: Option<&ServerUrl>, file: Option<&PathBuf>, of: &str) -> anyhow::Result<Option<ServerUrl>> {
    let url = url.filter(|url| is_given(Some(url)));
    match (url, file) {
        (Some(_), Some(_)) => bail!("both --{of}-url and --{of}-url-file are given, or their variables; leave one out"),
        (Some(url), None) => Ok(Some(url.clone())),
        (None, Some(path)) => Ok(Some(ServerUrl::read(path).with_context(|| format!("--{of}-url-file"))?)),
        (None, None) => Ok(None),
    }
}

async fn open_mongo(url: &ServerUrl) -> anyhow::Result<MongoStore> {
    let opened = MongoStore::open(url.as_str()).await;
    opened.map_err(|error| anyhow!("--mongodb-url: {}", url.redact(&error.to_string())))
}
