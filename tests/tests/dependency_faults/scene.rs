//! An origin with everything that it depends on behind a proxy each, and who reads and writes there. Not what they do.

use kairos_origin::tutor::config::{ModelConfig, TutorConfig};
use kairos_tests::model::{Script, ScriptedModel};
use kairos_tests::origin::{Person, TestOrigin};
use kairos_tests::proxy::{Mode, Proxy};
use kairos_tests::redis::RedisServer;
use kairos_tests::world::{StoreKind, World};

/// What the origin depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dependency {
    Mongodb,
    Redis,
    Model,
}

/// See the module.
pub(crate) struct Scene {
    pub(crate) origin: TestOrigin,
    pub(crate) author: Person,
    /// Who writes.
    pub(crate) ada: Person,
    /// Who only reads.
    pub(crate) bob: Person,
    mongodb: Proxy,
    redis: Proxy,
    model: Proxy,
    _redis: RedisServer,
    _model: ScriptedModel,
}

impl Scene {
    /// `None`, and a note, where a server is missing.
    pub(crate) async fn new() -> Option<Self> {
        let world = World::new(StoreKind::Mongo, false)?;
        let redis_server = RedisServer::start().await?;
        let scripted = ScriptedModel::start(Script::says("It names the fields that chose this response. ")).await;
        let mongodb = Proxy::start(world.mongodb_port().unwrap()).await.unwrap();
        let redis = Proxy::start(redis_server.port()).await.unwrap();
        let model = Proxy::start(scripted.config().url.port().unwrap()).await.unwrap();
        let url = format!("http://127.0.0.1:{}", model.port()).parse().unwrap();
        let config = Some(ModelConfig::new(url, "scripted", None));
        let tutor = TutorConfig { model: config, learner_daily: 100_000, ..TutorConfig::default() };
        let world = world.behind(mongodb.port(), redis.port());
        let origin = TestOrigin::builder().with_tutor(tutor).start_in(world).await;
        let (author, ada, bob) = (origin.author().await, origin.learner("ada").await, origin.learner("bob").await);
        origin.publish(&author, &["caching", "vary"]).await;
        Some(Self { origin, author, ada, bob, mongodb, redis, model, _redis: redis_server, _model: scripted })
    }

    pub(crate) fn set(&self, dependency: Dependency, mode: Mode) {
        match dependency {
            Dependency::Mongodb => &self.mongodb,
            Dependency::Redis => &self.redis,
            Dependency::Model => &self.model,
        }
        .set(mode);
    }
}
