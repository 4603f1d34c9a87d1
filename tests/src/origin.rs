//! A whole origin for a test: served on a port of its own over a fresh store, with a clock that can be moved, and a client for it.
//! [`in_every_world!`](crate::in_every_world) runs a test on each store, with Redis and without.

#![expect(clippy::expect_used, reason = "what a test cannot set up fails it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::extract::FromRef;
use kairos_origin::auth::tokens::Tokens;
use kairos_origin::domain::accounts::Accounts;
use kairos_origin::environment::{Clock, Environment};
use kairos_origin::limits::RateLimitConfig;
use kairos_origin::server::{self, Patience};
use kairos_origin::service::Service;
use kairos_origin::state::{AppState, Settings};
use kairos_origin::store::AccountStore;
use kairos_origin::tutor::config::TutorConfig;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::{Role, TokenGrant};
use kairos_protocol::api::catalog::Module;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::paths;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::breakable::Breakable;
use crate::http;
use crate::reply::Reply;
use crate::world::{StoreKind, World};

/// The password of every account that the harness makes.
pub const PASSWORD: &str = "correct horse battery";

/// The system's clock, moved ahead by what the test says.
pub struct MovableClock {
    system: Arc<dyn Clock>,
    ahead_ms: AtomicI64,
}

impl MovableClock {
    /// Later by that much.
    pub fn advance_ms(&self, ms: UnixMillis) {
        self.ahead_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for MovableClock {
    fn now(&self) -> UnixMillis {
        self.system.now() + self.ahead_ms.load(Ordering::SeqCst)
    }
}

/// What an origin is to stand on.
pub struct Builder {
    store: StoreKind,
    with_redis: bool,
    tutor: TutorConfig,
    limits: RateLimitConfig,
    patience: Patience,
}

impl Builder {
    /// Stores the data in `store`.
    #[must_use]
    pub fn with_store(mut self, store: StoreKind) -> Self {
        self.store = store;
        self
    }

    /// Shares its caches through Redis.
    #[must_use]
    pub fn with_redis(mut self, with_redis: bool) -> Self {
        self.with_redis = with_redis;
        self
    }

    /// Has a tutor of this configuration. Without, there is one that has no model.
    #[must_use]
    pub fn with_tutor(mut self, tutor: TutorConfig) -> Self {
        self.tutor = tutor;
        self
    }

    /// Limits how often one may sign in and write. Without, nothing is limited.
    #[must_use]
    pub fn with_limits(mut self, limits: RateLimitConfig) -> Self {
        self.limits = limits;
        self
    }

    /// Waits no longer than that for connections. Without, as long as in production.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Starts it, or skips the test when a server that it needs is not there.
    pub async fn start(self) -> Option<TestOrigin> {
        let world = World::new(self.store, self.with_redis)?;
        Some(self.start_in(world).await)
    }

    /// Starts it in a world that is there: its store and its Redis are that one's.
    pub async fn start_in(self, world: World) -> TestOrigin {
        let world = Arc::new(world);
        let system = Environment::system();
        let clock = Arc::new(MovableClock { system: Arc::clone(&system.clock), ahead_ms: AtomicI64::new(0) });
        TestOrigin::start(world, clock, self.tutor, self.limits, self.patience).await
    }
}

/// A running origin. It stops when this is dropped.
pub struct TestOrigin {
    /// Where its data is.
    pub world: Arc<World>,
    /// Its clock.
    pub clock: Arc<MovableClock>,
    /// Its accounts, for what has no route.
    pub accounts: Arc<Accounts>,
    /// What signs its access tokens.
    pub tokens: Arc<Tokens>,
    /// Its store, which can be made to fail.
    pub store: Arc<Breakable>,
    tutor: TutorConfig,
    limits: RateLimitConfig,
    address: std::net::SocketAddr,
    client: reqwest::Client,
    patience: Patience,
    told_to_stop: Arc<Notify>,
    serving: JoinHandle<()>,
}

/// Somebody signed in.
#[derive(Clone, Debug)]
pub struct Person {
    /// The account.
    pub id: UserId,
    /// Its email.
    pub email: String,
    /// A fresh access token.
    pub token: String,
}

impl TestOrigin {
    /// The embedded store, no Redis, unless told otherwise.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            store: StoreKind::Sqlite,
            with_redis: false,
            tutor: TutorConfig::default(),
            limits: RateLimitConfig::default(),
            patience: Patience::default(),
        }
    }

    async fn start(
        world: Arc<World>,
        clock: Arc<MovableClock>,
        tutor: TutorConfig,
        limits: RateLimitConfig,
        patience: Patience,
    ) -> Self {
        let environment = Environment { clock: Arc::<MovableClock>::clone(&clock), ..Environment::system() };
        let store = Arc::new(Breakable::new(world.store().await));
        let cache = world.cache(Arc::<Breakable>::clone(&store), &environment).await;
        let state = AppState::assemble(
            Arc::<Breakable>::clone(&store),
            cache,
            environment,
            kairos_origin::telemetry::record_metrics(),
            Settings { memory_cache_bytes: 8 << 20, tutor: tutor.clone(), limits: limits.clone(), app: None },
        )
        .await
        .expect("the store answers");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let (accounts, tokens) = (FromRef::from_ref(&state), FromRef::from_ref(&state));
        let told_to_stop = Arc::new(Notify::new());
        let told = Arc::clone(&told_to_stop);
        let told = async move { told.notified().await };
        let serving = tokio::spawn(server::serve(listener, Service::new(state), told, patience));
        let client = http::client_builder().build().expect("a client");
        Self { world, clock, accounts, tokens, store, tutor, limits, address, client, patience, told_to_stop, serving }
    }

    /// Another instance on the same data.
    pub async fn sibling(&self) -> Self {
        self.limited_sibling(self.limits.clone()).await
    }

    /// Another instance on the same data, with limits of its own.
    pub async fn limited_sibling(&self, limits: RateLimitConfig) -> Self {
        let (world, clock) = (Arc::clone(&self.world), Arc::clone(&self.clock));
        Self::start(world, clock, self.tutor.clone(), limits, self.patience).await
    }

    /// Tells it to stop, as SIGTERM does.
    pub fn tell_to_stop(&self) {
        self.told_to_stop.notify_one();
    }

    /// Waits until it has stopped.
    pub async fn stopped(&mut self) {
        (&mut self.serving).await.expect("nothing panics");
    }

    /// Where it listens, for who speaks no HTTP.
    #[must_use]
    pub const fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    /// The URL of `path`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request to be filled in.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// Sends a request.
    pub async fn send(&self, request: RequestBuilder) -> Reply {
        Reply::read(request.send().await.expect("the origin answers")).await
    }

    /// `GET` by nobody.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    /// `GET` by `person`.
    pub async fn get_as(&self, person: &Person, path: &str) -> Reply {
        self.send(self.request(Method::GET, path).bearer_auth(&person.token)).await
    }

    /// `POST` by nobody.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// A request with a body by `person`.
    pub async fn send_as(&self, person: &Person, method: Method, path: &str, body: &Value) -> Reply {
        self.send(self.request(method, path).bearer_auth(&person.token).json(body)).await
    }

    /// Sends `bytes` as they are and gives back status line, headers and body as text: for what no client would send.
    pub async fn send_raw(&self, bytes: &[u8]) -> String {
        let stream = TcpStream::connect(self.address).await.expect("the origin listens");
        let (mut reading, mut writing) = stream.into_split();
        let bytes = bytes.to_vec();
        // A response may come before all is sent, and the connection be closed: neither is the caller's concern.
        let sending = tokio::spawn(async move {
            let _ = writing.write_all(&bytes).await;
            writing
        });
        let mut response = Vec::new();
        let _ = reading.read_to_end(&mut response).await;
        sending.abort();
        String::from_utf8_lossy(&response).into_owned()
    }

    /// Sends `bytes` and closes the connection before any response.
    pub async fn send_and_hang_up(&self, bytes: &[u8]) {
        let mut stream = TcpStream::connect(self.address).await.expect("the origin listens");
        stream.write_all(bytes).await.expect("it reads");
        stream.shutdown().await.expect("it is open");
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response).await;
    }

    /// Registers a learner.
    pub async fn learner(&self, name: &str) -> Person {
        let email = format!("{name}@example.org");
        let body = json!({ "email": email, "display_name": name, "password": PASSWORD });
        let grant: TokenGrant = self.post(paths::REGISTER, &body).await.expect(201).json();
        Person { id: grant.profile.id, email, token: grant.access_token }
    }

    /// Makes an account with other roles, as the command line does.
    pub async fn person(&self, name: &str, roles: &[Role]) -> Person {
        let email = format!("{name}@example.org");
        let password = PASSWORD.to_owned();
        let account = self.accounts.new_account(&email, name, password, roles.to_vec()).await;
        let account = account.expect("a valid account");
        let put = self.store.put_account(&account, self.clock.now()).await;
        let id = put.expect("the store answers").value;
        let token = self.tokens.sign(&id, roles).expect("tokens can be signed");
        Person { id, email, token }
    }

    /// An author.
    pub async fn author(&self) -> Person {
        self.person("author", &[Role::Author]).await
    }

    /// Publishes modules with these slugs.
    pub async fn publish(&self, author: &Person, slugs: &[&str]) {
        for slug in slugs {
            let _: Module = self.send_as(author, Method::POST, paths::MODULES, &draft(slug)).await.expect(201).json();
        }
    }
}

/// A draft to be published, with this slug.
#[must_use]
pub fn draft(slug: &str) -> Value {
    json!({
        "slug": slug, "title": format!("About {slug}"), "subject": "HTTP", "difficulty": "beginner",
        "tags": ["http"], "content": format!("# {slug}\n\nText."), "status": "published",
    })
}

impl Drop for TestOrigin {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Runs each test, a function of a [`TestOrigin`], on both stores, with Redis and without.
#[macro_export]
macro_rules! in_every_world {
    ($($test:ident)*) => {$(
        mod $test {
            $crate::in_every_world!(@one $test sqlite, Sqlite, false);
            $crate::in_every_world!(@one $test mongo, Mongo, false);
            $crate::in_every_world!(@one $test sqlite_redis, Sqlite, true);
            $crate::in_every_world!(@one $test mongo_redis, Mongo, true);
        }
    )*};
    (@one $test:ident $world:ident, $store:ident, $redis:literal) => {
        #[tokio::test]
        async fn $world() {
            let store = $crate::world::StoreKind::$store;
            let builder = $crate::origin::TestOrigin::builder().with_store(store).with_redis($redis);
            if let Some(origin) = builder.start().await {
                super::$test(origin).await;
            }
        }
    };
}
