//! The system under test as processes of its own, on loopback ports: origins, edges, Redis, MongoDB. Everything that is started here ends
//! with it. Not when something of it breaks.

mod clock;
mod edges;
mod mongo;
mod origin;
mod target;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::sync::Mutex;

use super::options::{FaultKind, Options, StoreKind};
use super::schedule::Fault;
use crate::proxy::{Mode, Proxy};
use crate::redis::RedisServer;
use clock::MovableClock;
pub(crate) use clock::library as clock_library;
use edges::Edges;
pub(crate) use mongo::ReplicaSet;
use origin::Origin;
pub(crate) use target::{Health, Lasting, Target};

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `kairos-origin`.
    pub origin: PathBuf,
    /// `mongod`, where a MongoDB of our own is wanted.
    pub mongod: Option<PathBuf>,
    /// A database of a MongoDB that runs already, instead.
    pub mongodb_url: Option<String>,
    /// The root of the workspace, where the built edge and its tools are.
    pub workspace: PathBuf,
}

/// The running system.
pub(crate) struct Cluster {
    origins: Vec<Mutex<Origin>>,
    /// Each origin's, by itself: it goes wrong also while the origin stands still or is dead.
    clocks: Vec<Option<MovableClock>>,
    redis: Option<Mutex<RedisServer>>,
    /// Between each origin and Redis.
    proxies: Vec<Proxy>,
    mongo: Option<ReplicaSet>,
    pub(crate) targets: Vec<Target>,
    _edges: Option<Edges>,
    _folder: TempDir,
}

impl Cluster {
    /// Starts all of it.
    pub(crate) async fn start(options: &Options, programs: &Programs) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let redis = match options.has_redis() {
            true => Some(RedisServer::start().await.context("redis-server is not on the path")?),
            false => None,
        };
        let mongo = match (options.store, &programs.mongodb_url) {
            (StoreKind::Mongodb, None) => {
                let mongod = programs.mongod.as_ref().context("no mongod: KAIROS_MONGOD_BIN names its folder")?;
                Some(ReplicaSet::start(mongod, folder.path(), usize::from(options.members)).await?)
            }
            _ => None,
        };
        let mongodb_url = mongo.as_ref().map(ReplicaSet::url).or_else(|| programs.mongodb_url.clone());
        let mongodb_url = mongodb_url.filter(|_| options.store == StoreKind::Mongodb);
        let has_movable_clock = options.faults().contains(&FaultKind::Clock);
        let mut proxies = Vec::new();
        let mut origins = Vec::new();
        for number in 0..options.origins() {
            let mut plan = origin::Plan::new(number, &programs.origin, folder.path())?;
            plan.mongodb_url.clone_from(&mongodb_url);
            plan.has_movable_clock = has_movable_clock;
            if let Some(redis) = &redis {
                let proxy = Proxy::start(redis.port()).await?;
                plan.redis_url = Some(format!("redis://127.0.0.1:{}/", proxy.port()));
                proxies.push(proxy);
            }
            origins.push(Origin::start(plan).await?);
        }
        let mut targets: Vec<Target> = origins.iter().map(Origin::target).collect();
        let edges = Edges::start(usize::from(options.edges), &targets, &programs.workspace).await?;
        targets.extend(edges.iter().flat_map(|edges| edges.targets.iter().cloned()));
        let clocks = origins.iter().map(|origin| origin.clock.clone()).collect();
        let origins = origins.into_iter().map(Mutex::new).collect();
        let redis = redis.map(Mutex::new);
        Ok(Self { origins, clocks, redis, proxies, mongo, targets, _edges: edges, _folder: folder })
    }

    /// Makes an account that may write modules, as an operator would.
    pub(crate) async fn create_author(&self, email: &str, password: &str) -> Result<()> {
        let origin = self.origins.first().context("no origin")?;
        origin.lock().await.create_author(email, password).await
    }

    /// The last errors that each origin logged.
    pub(crate) async fn logged(&self) -> Vec<String> {
        let mut logs = Vec::new();
        for origin in &self.origins {
            logs.push(origin.lock().await.last_lines());
        }
        logs
    }

    /// Makes `fault` happen, and undoes it when `lasting` is over. Returns when all is as before.
    pub(crate) async fn inject(&self, fault: &Fault, lasting: Lasting) -> Result<()> {
        match fault.kind {
            FaultKind::None => {}
            FaultKind::RedisFreeze | FaultKind::RedisKill | FaultKind::RedisOld | FaultKind::RedisFlush => {
                let redis = self.redis.as_ref().context("no Redis")?;
                inject_into_redis(fault.kind, &mut *redis.lock().await, lasting).await;
            }
            FaultKind::RedisSlow | FaultKind::RedisReset | FaultKind::RedisCut => {
                let proxy = self.proxies.get(fault.origin).context("no such proxy")?;
                match fault.kind {
                    FaultKind::RedisSlow => proxy.set(Mode::Slow(Duration::from_millis(fault.by_ms.unsigned_abs()))),
                    FaultKind::RedisCut => proxy.set(Mode::Stopped),
                    _ => proxy.reset_connections(),
                }
                lasting.await;
                proxy.set(Mode::Pass);
            }
            FaultKind::MongoFreeze | FaultKind::MongoKill | FaultKind::MongoStepDown => {
                let Some(mongo) = &self.mongo else { bail!("no MongoDB of our own to break") };
                mongo.inject(fault.kind, lasting).await?;
            }
            FaultKind::OriginPause | FaultKind::OriginKill => {
                let origin = self.origins.get(fault.origin).context("no such origin")?;
                origin.lock().await.inject(fault.kind, lasting).await?;
            }
            FaultKind::Clock => {
                let clock = self.clocks.get(fault.origin).and_then(Option::as_ref).context("no libfaketime")?;
                clock.set_ahead_ms(fault.by_ms)?;
                lasting.await;
                clock.set_ahead_ms(0)?;
            }
        }
        Ok(())
    }
}

async fn inject_into_redis(kind: FaultKind, redis: &mut RedisServer, lasting: Lasting) {
    match kind {
        FaultKind::RedisFreeze => {
            redis.freeze();
            lasting.await;
            redis.thaw();
        }
        FaultKind::RedisKill => {
            redis.forget_snapshot();
            redis.kill();
            lasting.await;
            redis.restart().await;
        }
        FaultKind::RedisOld => {
            redis.run(&["SAVE"]).await;
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            redis.kill();
            lasting.await;
            redis.restart().await;
        }
        _ => drop(redis.run(&["FLUSHALL"]).await),
    }
}
