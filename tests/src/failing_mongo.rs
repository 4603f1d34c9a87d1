//! A MongoDB that fails when it is told to: in the middle of a command, by its own test orders, or frozen with all that was sent to
//! it on the way. Not one that is not there.

#![expect(clippy::expect_used, reason = "what a test cannot set up fails it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kairos_origin::store::CatalogStore;
use kairos_origin::store::accounts::Account;
use kairos_origin::store::mongo::{MongoStore, configure};
use kairos_protocol::api::account::Role;
use kairos_protocol::api::ids::{Slug, UserId};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{ClientOptions, ServerAddress};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::skip::skip;
use crate::world::World;

/// How long a server may take to answer a new store.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Somebody to register.
#[must_use]
pub fn account(name: &str) -> Account {
    Account {
        id: UserId::new(name).expect("a name is an id"),
        email: format!("{name}@example.org"),
        display_name: name.to_owned(),
        hashed_password: None,
        roles: vec![Role::Learner],
        created_at_ms: 0,
    }
}

/// The driver's options for the world's database.
pub async fn options(world: &World) -> ClientOptions {
    ClientOptions::parse(world.mongodb_url().expect("a world with MongoDB")).await.expect("MONGODB_URL is valid")
}

/// A store as `kairos-origin` opens it, after `change`, with its indexes made.
pub async fn open(world: &World, change: impl FnOnce(&mut ClientOptions)) -> MongoStore {
    let mut options = options(world).await;
    change(&mut options);
    configure(&mut options);
    let store = MongoStore::with_options(options, &world.name).expect("the options fit");
    let slug = Slug::new("none").expect("a slug");
    // One that has little patience asks before it has found the server.
    let began = Instant::now();
    while let Err(error) = store.module(&slug).await {
        assert!(began.elapsed() < START_TIMEOUT, "the server does not answer: {error}");
        sleep(Duration::from_millis(10)).await;
    }
    store
}

/// Makes the server fail the commands of stores whose `app_name` is the world's name as `data` says. `false`, and a note, where it takes
/// no such orders. It has one such order at a time.
pub async fn order(world: &World, mode: impl Into<Bson>, data: Document) -> bool {
    let mut data = data;
    data.insert("appName", &world.name);
    let order = doc! { "configureFailPoint": "failCommand", "mode": mode.into(), "data": data };
    let client = mongodb::Client::with_options(options(world).await).expect("a client");
    let obeyed = client.database("admin").run_command(order).await;
    if let Err(refused) = &obeyed {
        skip(&format!("this MongoDB was not started with enableTestCommands=1 ({refused})"));
    }
    obeyed.is_ok()
}

/// Ends what [`order`] began.
pub async fn end_order(world: &World) {
    let order = doc! { "configureFailPoint": "failCommand", "mode": "off" };
    let client = mongodb::Client::with_options(options(world).await).expect("a client");
    let _ = client.database("admin").run_command(order).await.expect("it is obeyed");
}

/// Stands between a store and its server. Counts what comes back, and can freeze: then nothing goes on, and nothing is lost.
pub struct Relay {
    port: u16,
    received: Arc<AtomicU64>,
    is_frozen: Arc<watch::Sender<bool>>,
}

impl Relay {
    /// In front of the world's server. With `freeze_at`, the first command of that name freezes it by itself, with that command
    /// on its way.
    pub async fn start(world: &World, freeze_at: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it has an address").port();
        let target = options(world).await.hosts.first().expect("a host").to_string();
        let (received, is_frozen) = (Arc::new(AtomicU64::new(0)), Arc::new(watch::Sender::new(false)));
        let relay = Self { port, received: Arc::clone(&received), is_frozen: Arc::clone(&is_frozen) };
        let armed = Arc::new(std::sync::Mutex::new(freeze_at));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&target).await else { continue };
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                let (frozen, armed, received) = (Arc::clone(&is_frozen), Arc::clone(&armed), Arc::clone(&received));
                let freezes = move |bytes: &[u8]| {
                    let mut armed = armed.lock().expect("nothing panics while it is locked");
                    let is_it = armed.is_some_and(|name| bytes.windows(name.len()).any(|part| part == name.as_bytes()));
                    if is_it {
                        *armed = None;
                    }
                    is_it
                };
                tokio::spawn(pass(near_in, far_out, Arc::clone(&frozen), freezes));
                let count = move |bytes: &[u8]| {
                    received.fetch_add(bytes.len() as u64, Ordering::SeqCst);
                    false
                };
                tokio::spawn(pass(far_in, near_out, frozen, count));
            }
        });
        relay
    }

    /// Where the store finds it.
    #[must_use]
    pub fn address(&self) -> ServerAddress {
        ServerAddress::Tcp { host: "127.0.0.1".to_owned(), port: Some(self.port) }
    }

    /// How many bytes came back from the server.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::SeqCst)
    }

    /// Waits until it is frozen.
    pub async fn frozen(&self) {
        self.is_frozen.subscribe().wait_for(|frozen| *frozen).await.expect("it is not dropped");
    }

    /// Lets everything go on that was held up, also what nobody waits for any more.
    pub fn thaw(&self) {
        self.is_frozen.send_replace(false);
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    is_frozen: Arc<watch::Sender<bool>>,
    freezes: impl Fn(&[u8]) -> bool,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let bytes = buffer.get(..length).unwrap_or_default();
        if freezes(bytes) {
            is_frozen.send_replace(true);
        }
        let thawed = is_frozen.subscribe().wait_for(|frozen| !*frozen).await.is_ok();
        if !thawed || to.write_all(bytes).await.is_err() {
            return;
        }
    }
    // The end of a connection is not faster than what was sent on it.
    let _ = is_frozen.subscribe().wait_for(|frozen| !*frozen).await;
}
