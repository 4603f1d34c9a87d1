//! The load: readers of what is stored and of what is not, a learner and an author who write, and one who asks the tutor. Not what is
//! expected of the responses (`observations`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use kairos_protocol::api::paths;
use kairos_tests::lateness::Lateness;
use kairos_tests::origin::{Person, TestOrigin};
use kairos_tests::proxy::Mode;
use kairos_tests::reply::Reply;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::observations::{Kind, Observations};
use super::scene::{Dependency, Scene};
use super::writers;

/// What everybody reads, signed in or not, and each learner their own.
const PUBLIC: [&str; 4] = ["/v1/modules", "/v1/modules/search?q=about", "/v1/modules/caching", "/v1/modules/vary"];
const OWN: [&str; 4] = [paths::ME, paths::PROGRESS, paths::STATISTICS, paths::HISTORY];
/// Readers of what is stored.
const READERS: u32 = 6;
/// Between two reads of one reader.
const PAUSE: Duration = Duration::from_millis(10);
/// Row S3: how long after a dependency is back all is well.
const RECOVERY: Duration = Duration::from_secs(2);

/// What all of them share.
pub(crate) struct Shared {
    pub(crate) scene: Arc<Scene>,
    pub(crate) observations: Observations,
    lateness: Lateness,
    is_over: AtomicBool,
    /// Makes each new read another one.
    number: AtomicU32,
}

/// See the module. It stops when this is dropped.
pub(crate) struct Load {
    shared: Arc<Shared>,
    reading: Vec<JoinHandle<()>>,
    learning: JoinHandle<u32>,
    editing: JoinHandle<u64>,
}

impl Shared {
    pub(crate) fn origin(&self) -> &TestOrigin {
        &self.scene.origin
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Sends a request, and records what comes. Whether it is what was wanted.
    pub(crate) async fn send(&self, kind: Kind, path: &str, request: RequestBuilder) -> (Reply, bool) {
        let (began, bound) = (self.lateness.now(), self.observations.bound(kind));
        let reply = self.origin().send(request).await;
        let is_ok = self.observations.record(kind, path, &reply, self.lateness.since(began), bound);
        (reply, is_ok)
    }

    async fn read(&self, kind: Kind, person: Option<&Person>, path: &str) -> Reply {
        let request = self.origin().request(Method::GET, path);
        let request = match person {
            Some(person) => request.bearer_auth(&person.token),
            None => request,
        };
        self.send(kind, path, request).await.0
    }

    /// Everything that is read once, and again and again until told to stop.
    async fn read_stored(&self, first: u32) {
        let (ada, bob) = (Some(&self.scene.ada), Some(&self.scene.bob));
        let own = |person| OWN.map(|path| (person, path));
        let all: Vec<_> = PUBLIC.map(|path| (None, path)).into_iter().chain(own(ada)).chain(own(bob)).collect();
        for (person, path) in all.iter().cycle().skip(first as usize) {
            if self.is_over() {
                return;
            }
            self.read(Kind::Stored, *person, path).await;
            sleep(PAUSE).await;
        }
    }

    async fn read_new(&self) {
        while !self.is_over() {
            let number = self.number.fetch_add(1, Ordering::SeqCst);
            self.read(Kind::New, None, &format!("/v1/modules/search?q=about{number}")).await;
            self.read(Kind::New, Some(&self.scene.bob), &format!("/v1/me/history?limit={}", number % 99 + 1)).await;
            sleep(PAUSE * 3).await;
        }
    }

    async fn ask(&self) {
        while !self.is_over() {
            let number = self.number.fetch_add(1, Ordering::SeqCst);
            let body = json!({ "question": format!("What is caching about {number}?") });
            let request = self.origin().request(Method::POST, paths::TUTOR_ANSWERS);
            let request = request.bearer_auth(&self.scene.bob.token).json(&body);
            self.send(Kind::Tutor, paths::TUTOR_ANSWERS, request).await;
            sleep(PAUSE * 10).await;
        }
    }
}

impl Load {
    /// Reads everything once, so that it is stored, and goes on.
    pub(crate) async fn start(scene: &Arc<Scene>) -> Self {
        let shared = Arc::new(Shared {
            scene: Arc::clone(scene),
            observations: Observations::default(),
            lateness: Lateness::start(),
            is_over: AtomicBool::new(false),
            number: AtomicU32::new(0),
        });
        for path in PUBLIC {
            let _ = scene.origin.get(path).await.expect(200);
        }
        for path in OWN {
            for person in [&scene.ada, &scene.bob] {
                let _ = scene.origin.get_as(person, path).await.expect(200);
            }
        }
        let spawn = |reader: u32| {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                match reader {
                    0 => shared.ask().await,
                    1 | 2 => shared.read_new().await,
                    _ => shared.read_stored(reader).await,
                }
            })
        };
        let reading = (0..READERS + 3).map(spawn).collect();
        let (learner, author) = (Arc::clone(&shared), Arc::clone(&shared));
        let learning = tokio::spawn(async move { writers::learn(&learner).await });
        let editing = tokio::spawn(async move { writers::edit(&author).await });
        Self { shared, reading, learning, editing }
    }

    /// A fault begins.
    pub(crate) fn begin(&self, dependency: Dependency, mode: Mode) {
        self.shared.observations.begin(format!("{dependency:?} {mode:?}"), matches!(mode, Mode::Slow(_)));
    }

    /// The fault is over: a fresh read and a write, in time.
    pub(crate) async fn expect_recovery(&self) {
        let shared = &self.shared;
        let began = shared.lateness.now();
        let mut tries = 0_u32;
        loop {
            tries += 1;
            let request = shared.origin().request(Method::GET, paths::STATISTICS).bearer_auth(&shared.scene.bob.token);
            let (reply, is_ok) =
                shared.send(Kind::New, paths::STATISTICS, request.header("cache-control", "no-cache")).await;
            // One that was acknowledged long ago, or not yet.
            let is_fresh = is_ok && reply.header("kairos-degraded").is_none();
            if is_fresh && writers::study(shared, 0).await {
                break;
            }
            sleep(PAUSE).await;
        }
        let took = shared.lateness.since(began);
        println!("well again after {took:?}, {tries} tries");
        if took > RECOVERY {
            shared.observations.violation(format!("well again after {took:?} only"));
        }
    }

    /// Stops, looks whether all that was acknowledged is there, once, and gives the share of reads of what is stored that were answered.
    pub(crate) async fn end(self) -> f64 {
        self.shared.is_over.store(true, Ordering::SeqCst);
        for reading in self.reading {
            reading.await.unwrap();
        }
        let (operations, version) = (self.learning.await.unwrap(), self.editing.await.unwrap());
        let share = self.shared.observations.end();
        writers::check(&self.shared, operations, version).await;
        println!("{operations} operations and {version} editions acknowledged, each there once");
        share
    }
}
