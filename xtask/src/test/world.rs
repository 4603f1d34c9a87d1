//! What stands around the tests: a MongoDB and a Redis for the run, and for the browser tests the whole system. All of it goes when
//! this is dropped.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;

use crate::server;
use crate::server::edge::EdgeServer;
use crate::server::mongo::{self, MongoServer};
use crate::server::origin::{AUTHOR, LEARNER, Origin, OriginServer};
use crate::server::redis::RedisServer;
use crate::setup::debian::{CHROMIUM, REDIS};

/// Variables for a test's process.
type Environment = Vec<(String, String)>;

fn variable(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// The servers of one run. Where there is none of a kind, its tests skip themselves.
pub(crate) struct World {
    origin_program: PathBuf,
    mongodb_url: Option<String>,
    redis_url: Option<String>,
    _mongo: Option<MongoServer>,
    _redis: Option<RedisServer>,
}

impl World {
    /// Takes the servers that `MONGODB_URL` and `REDIS_URL` name, else starts its own of what is on this machine.
    ///
    /// # Errors
    /// A server is there and does not start.
    pub(crate) fn start(origin_program: PathBuf) -> Result<Self> {
        let named = |variable| env::var(variable).ok().filter(|url| !url.is_empty());
        let mut world = Self {
            origin_program,
            mongodb_url: named("MONGODB_URL"),
            redis_url: named("REDIS_URL"),
            _mongo: None,
            _redis: None,
        };
        if let (None, Some(program)) = (&world.mongodb_url, mongo::find()) {
            let server = MongoServer::start(program)?;
            world.mongodb_url = Some(server.url());
            world._mongo = Some(server);
        }
        if let (None, Some(program)) = (&world.redis_url, REDIS.find()) {
            let server = RedisServer::start(program)?;
            world.redis_url = Some(server.url());
            world._redis = Some(server);
        }
        Ok(world)
    }

    /// What every test may use: the servers, the browser, and the origin's program, which is built already.
    pub(crate) fn environment(&self) -> Environment {
        let mut environment = vec![variable("KAIROS_ORIGIN_BIN", self.origin_program.display().to_string())];
        environment.extend(self.mongodb_url.iter().map(|url| variable("MONGODB_URL", url)));
        // From the root: a test runs in the folder of its crate.
        let folder = mongo::find().and_then(|mongod| mongod.parent().map(Path::to_owned));
        environment.extend(folder.map(|folder| variable("KAIROS_MONGOD_BIN", folder.display().to_string())));
        environment.extend(self.redis_url.iter().map(|url| variable("REDIS_URL", url)));
        environment.extend(CHROMIUM.find().map(|path| variable("KAIROS_CHROMIUM", path.display().to_string())));
        environment
    }

    /// Starts origin and edge on fresh data, with the sample catalogue and the demo accounts.
    ///
    /// # Errors
    /// One of them does not start: the error has its last lines.
    pub(crate) fn start_system(&self) -> Result<System> {
        let folder = tempfile::tempdir()?;
        let origin = Origin {
            program: self.origin_program.clone(),
            data: folder.path().join("kairos.db"),
            mongodb_url: None,
            redis_url: self.redis_url.clone(),
        };
        origin.seed()?;
        let origin = origin.serve(&folder.path().join("origin.log"))?;
        let edge = EdgeServer::start(
            server::free_port()?,
            &origin.url(),
            &folder.path().join("edge"),
            &folder.path().join("edge.log"),
        )?;
        Ok(System { edge, origin, _folder: folder })
    }
}

/// Origin and edge, running.
pub(crate) struct System {
    edge: EdgeServer,
    origin: OriginServer,
    _folder: TempDir,
}

impl System {
    /// Where it is, and who may sign in.
    pub(crate) fn environment(&self) -> Environment {
        vec![
            variable("KAIROS_URL", self.edge.url()),
            variable("KAIROS_ORIGIN_URL", self.origin.url()),
            variable("KAIROS_AUTHOR_EMAIL", AUTHOR.email),
            variable("KAIROS_AUTHOR_PASSWORD", AUTHOR.password),
            variable("KAIROS_DEMO_EMAIL", LEARNER.email),
            variable("KAIROS_DEMO_PASSWORD", LEARNER.password),
        ]
    }
}
