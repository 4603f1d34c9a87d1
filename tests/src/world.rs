//! What stands around an origin under test: which store its data is in and whether its caches share a Redis. Each test has a
//! database and a key prefix of its own, and leaves nothing behind.

#![expect(clippy::expect_used, reason = "what a test cannot set up fails it")]

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kairos_origin::cache::Cache;
use kairos_origin::cache::redis::{Redis, RedisConfig};
use kairos_origin::environment::Environment;
use kairos_origin::store::Store;
use kairos_origin::store::mongo::MongoStore;
use kairos_origin::store::sqlite::SqliteStore;

use crate::skip::skip;

/// Which store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// The embedded one.
    Sqlite,
    /// The MongoDB at `MONGODB_URL`.
    Mongo,
}

/// Where the data of one test is. Any number of origins may stand in it.
pub struct World {
    /// Unique.
    pub name: String,
    folder: tempfile::TempDir,
    mongodb_url: Option<String>,
    redis_url: Option<String>,
    /// The ports at which origins find MongoDB and Redis instead.
    proxied: Proxied,
}

/// See [`World::behind`].
#[derive(Default)]
struct Proxied {
    mongodb_port: Option<u16>,
    redis_port: Option<u16>,
}

impl World {
    /// An empty world, or `None`, and a note, when it takes a server that there is none of.
    #[must_use]
    pub fn new(store: StoreKind, with_redis: bool) -> Option<Self> {
        let name = format!("kairos_test_{}", Environment::system().random_hex::<8>());
        let server = |variable: &str| env::var(variable).ok().filter(|url| !url.is_empty());
        let needed = |variable: &str, is_needed: bool| match server(variable) {
            _ if !is_needed => Ok(None),
            Some(url) => Ok(Some(url)),
            None => Err(format!("{variable} is not set")),
        };
        let found =
            needed("MONGODB_URL", store == StoreKind::Mongo).and_then(|m| Ok((m, needed("REDIS_URL", with_redis)?)));
        match found {
            Ok((mongodb_url, redis_url)) => {
                let mongodb_url = mongodb_url.map(|url| with_database(&url, &name));
                Some(Self {
                    name,
                    folder: tempfile::tempdir().expect("a folder"),
                    mongodb_url,
                    redis_url,
                    proxied: Proxied::default(),
                })
            }
            Err(reason) => {
                skip(&reason);
                None
            }
        }
    }

    /// The same world, whose origins find its MongoDB at one port of this machine and a Redis at another, as in production: they wait for
    /// it for as long as is usual.
    #[must_use]
    pub fn behind(mut self, mongodb_port: u16, redis_port: u16) -> Self {
        self.proxied = Proxied { mongodb_port: Some(mongodb_port), redis_port: Some(redis_port) };
        self
    }

    /// The port at which the MongoDB of this test listens, on this machine.
    #[must_use]
    pub fn mongodb_port(&self) -> Option<u16> {
        let (_, rest) = self.mongodb_url.as_deref()?.split_once("://")?;
        rest.split('/').next()?.rsplit_once(':')?.1.parse().ok()
    }

    /// The file of the embedded store.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("kairos.db")
    }

    /// The URL of this test's own database, where the store is MongoDB.
    #[must_use]
    pub fn mongodb_url(&self) -> Option<&str> {
        self.mongodb_url.as_deref()
    }

    /// The URL of the Redis that the caches share, if they do.
    #[must_use]
    pub fn redis_url(&self) -> Option<&str> {
        self.redis_url.as_deref()
    }

    /// A new connection to the store.
    pub async fn store(&self) -> Arc<dyn Store> {
        let proxied = self.proxied.mongodb_port.map(|port| {
            // The server's own name for itself would lead past the proxy.
            format!("mongodb://127.0.0.1:{port}/{}?directConnection=true", self.name)
        });
        match proxied.as_ref().or(self.mongodb_url.as_ref()) {
            Some(url) => Arc::new(MongoStore::open(url).await.expect("MONGODB_URL is valid")),
            None => Arc::new(SqliteStore::open(&self.data()).expect("the file can be created")),
        }
    }

    /// A new instance's cache over `store`.
    pub async fn cache(&self, store: Arc<dyn Store>, environment: &Environment) -> Cache {
        let key_prefix = format!("{}:", self.name);
        let config = match (self.proxied.redis_port, &self.redis_url) {
            (Some(port), _) => RedisConfig { key_prefix, ..RedisConfig::new(format!("redis://127.0.0.1:{port}/")) },
            // A busy machine is not a broken Redis; what a broken one costs is tested with one of its own.
            (None, Some(url)) => {
                RedisConfig { key_prefix, operation_timeout: Duration::from_secs(5), ..RedisConfig::new(url) }
            }
            (None, None) => return Cache::local(store),
        };
        Cache::shared(store, Redis::connect(config, environment.clone()).await.expect("REDIS_URL is valid"))
    }
}

/// `url` with the path `/name`, with its query.
fn with_database(url: &str, name: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let host_starts = address.find("://").map_or(0, |at| at + 3);
    let host_ends =
        address.get(host_starts..).and_then(|rest| rest.find('/')).map_or(address.len(), |at| host_starts + at);
    let server = address.get(..host_ends).unwrap_or(address);
    query.map_or_else(|| format!("{server}/{name}"), |query| format!("{server}/{name}?{query}"))
}

impl Drop for World {
    /// Drops the database. (Redis needs none of it: all its keys expire.)
    fn drop(&mut self) {
        let Some(url) = self.mongodb_url.take() else { return };
        let name = self.name.clone();
        // A thread of its own: the test's runtime may be the one that is being dropped.
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let client = mongodb::Client::with_uri_str(&url).await?;
                client.database(&name).drop().await
            })?;
            Ok::<_, mongodb::error::Error>(())
        });
        if !matches!(cleaning.join(), Ok(Ok(()))) {
            println!("the test database {name} is left behind", name = self.name);
        }
    }
}
