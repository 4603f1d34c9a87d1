//! The servers that a run of the bench stands on, and the origins over them. Not the peers beside them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use kairos_origin::store::Store;
use kairos_origin::store::mongo::MongoStore;
use kairos_origin::store::sqlite::SqliteStore;
use tokio::process::Command;

use super::data;
use super::process::{Server, find, free_port};
use crate::chaos::ReplicaSet;
use crate::redis::RedisServer;

/// Where the data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreKind {
    Sqlite,
    Mongo,
}

/// See the module.
pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    program: PathBuf,
    pub(super) redis: Option<RedisServer>,
    mongo: Option<ReplicaSet>,
    sqlite_tokens: Vec<String>,
    mongo_tokens: Vec<String>,
}

impl World {
    /// Starts what there is on this machine, and fills both stores.
    pub(super) async fn start(program: PathBuf, mongod: Option<&Path>, needs_mongo: bool) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let redis = if find("redis-server").is_some() { RedisServer::start().await } else { None };
        let mongo = match mongod.filter(|_| needs_mongo) {
            Some(mongod) => Some(ReplicaSet::start(mongod, folder.path(), 1).await?),
            None => None,
        };
        let mut world = Self { folder, program, redis, mongo, sqlite_tokens: Vec::new(), mongo_tokens: Vec::new() };
        world.sqlite_tokens = world.fill(StoreKind::Sqlite).await?;
        if world.mongo.is_some() {
            world.mongo_tokens = world.fill(StoreKind::Mongo).await?;
        }
        Ok(world)
    }

    async fn fill(&self, kind: StoreKind) -> Result<Vec<String>> {
        let store: Arc<dyn Store> = match kind {
            StoreKind::Sqlite => Arc::new(SqliteStore::open(&self.database()).context("the embedded store")?),
            StoreKind::Mongo => Arc::new(MongoStore::open(&self.mongodb_url()?).await.context("MongoDB")?),
        };
        let mut import = self.command("import", kind, false)?;
        data::fill(&store, import.arg("--markdown").arg(data::catalog())).await
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("kairos.db")
    }

    /// Of the database that origins use.
    pub(super) fn mongodb_url(&self) -> Result<String> {
        Ok(self.mongo.as_ref().context("no MongoDB")?.url())
    }

    /// Tokens of all learners.
    pub(super) fn tokens(&self, kind: StoreKind) -> &[String] {
        match kind {
            StoreKind::Sqlite => &self.sqlite_tokens,
            StoreKind::Mongo => &self.mongo_tokens,
        }
    }

    pub(super) fn has_mongo(&self) -> bool {
        self.mongo.is_some()
    }

    /// The processes of `kind`'s store.
    pub(super) async fn store_processes(&self, kind: StoreKind) -> Vec<u32> {
        match (kind, &self.mongo) {
            (StoreKind::Mongo, Some(mongo)) => mongo.processes().await,
            _ => Vec::new(),
        }
    }

    fn command(&self, subcommand: &str, kind: StoreKind, with_redis: bool) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command.arg(subcommand).arg("--data").arg(self.database()).env_clear();
        if kind == StoreKind::Mongo {
            command.env("MONGODB_URL", self.mongodb_url()?);
        }
        if with_redis {
            command.env("REDIS_URL", self.redis.as_ref().context("no Redis")?.url());
        }
        Ok(command)
    }

    /// An origin, as it is started without any other option.
    pub(super) async fn origin(&self, kind: StoreKind, with_redis: bool) -> Result<Server> {
        self.origin_with(kind, with_redis, &[]).await
    }

    /// An origin with more `options`.
    pub(super) async fn origin_with(&self, kind: StoreKind, with_redis: bool, options: &[&str]) -> Result<Server> {
        let port = free_port()?;
        let mut command = self.command("serve", kind, with_redis)?;
        command.arg("--listen").arg(format!("127.0.0.1:{port}")).args(options);
        Server::start(command, port, &self.folder.path().join("origin.log")).await
    }
}
