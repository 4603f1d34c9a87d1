//! What a connection to MongoDB may cost (rows C1 to C3): pool, time, bytes on the wire; and how failures of a server that is there are
//! sorted. A server that is not there: `mongo.rs`.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use kairos_origin::cache::local::LocalCache;
use kairos_origin::import::Target;
use kairos_origin::import::markdown::import_markdown;
use kairos_origin::machine::Machine;
use kairos_origin::store::mongo::{MongoStore, configure};
use kairos_origin::store::records::ModuleFilter;
use kairos_origin::store::{Store, StoreError};
use kairos_protocol::ids::{Slug, UserId};
use kairos_tests::skip::skip;
use kairos_tests::world::{StoreKind, World};
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, Compressor, ServerAddress};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn options(world: &World) -> ClientOptions {
    ClientOptions::parse(world.mongodb_url().unwrap()).await.unwrap()
}

/// A store as `kairos-origin` opens it, after `change`.
async fn open(world: &World, change: impl FnOnce(&mut ClientOptions)) -> MongoStore {
    let mut options = options(world).await;
    change(&mut options);
    configure(&mut options);
    MongoStore::with_options(options, &world.name).unwrap()
}

/// A store in whose commands the server fails as `data` says, `times` times; `None`, and a note, where it takes no such orders.
async fn failing(world: &World, times: u32, data: Document) -> Option<MongoStore> {
    let store = open(world, |options| {
        options.app_name = Some(world.name.clone());
        options.max_pool_size = Some(2);
        options.min_pool_size = Some(0);
    })
    .await;
    // The indexes first: only what comes after is to fail.
    store.module(&Slug::new("m").unwrap()).await.unwrap();
    let mut data = data;
    data.insert("appName", &world.name);
    let order = doc! { "configureFailPoint": "failCommand", "mode": { "times": i64::from(times) }, "data": data };
    let client = mongodb::Client::with_options(options(world).await).unwrap();
    let obeyed = client.database("admin").run_command(order).await;
    if let Err(refused) = &obeyed {
        skip(&format!("this MongoDB was not started with enableTestCommands=1 ({refused})"));
    }
    obeyed.is_ok().then_some(store)
}

/// Waits until as many commands are held up.
async fn entered(world: &World, times: i64) {
    let admin = mongodb::Client::with_options(options(world).await).unwrap().database("admin");
    let order = doc! { "waitForFailPoint": "failCommand", "timesEntered": times, "maxTimeMS": 10_000 };
    admin.run_command(order).await.unwrap();
}

// The server has one such order at a time, so these cases follow one another.
#[tokio::test(flavor = "multi_thread")]
async fn failures_are_sorted_and_the_pool_has_an_end() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let (m, ada) = (Slug::new("m").unwrap(), UserId::new("ada").unwrap());

    let cases = [
        (doc! { "closeConnection": true }, "unanswered"),
        // MaxTimeMSExpired
        (doc! { "errorCode": 50 }, "unanswered"),
        (doc! { "writeConcernError": { "code": 64, "errmsg": "waiting for replication timed out" } }, "unanswered"),
        // NotWritablePrimary, InterruptedAtShutdown
        (doc! { "errorCode": 10_107 }, "unavailable"),
        (doc! { "errorCode": 11_600 }, "unavailable"),
        // BadValue
        (doc! { "errorCode": 2 }, "corrupt"),
    ];
    for (mut data, expected) in cases {
        data.insert("failCommands", ["delete"].as_slice());
        let Some(store) = failing(&world, 1, data.clone()).await else { return };
        let sorted = match store.delete_module(&m).await.unwrap_err() {
            StoreError::Unavailable(_) => "unavailable",
            StoreError::Unanswered(_) => "unanswered",
            StoreError::Corrupt(_) => "corrupt",
        };
        assert_eq!(sorted, expected, "{data}");
    }

    // Row C2: with every connection in use, a place is waited for, but not for ever.
    let blocked = doc! { "failCommands": ["delete"], "blockConnection": true, "blockTimeMS": 7_000 };
    let store = failing(&world, 2, blocked).await.unwrap();
    let (one, two) = (store.clone(), store.clone());
    let began = Instant::now();
    let (slug, other) = (m.clone(), m);
    let busy = [
        tokio::spawn(async move { one.delete_module(&slug).await }),
        tokio::spawn(async move { two.delete_module(&other).await }),
    ];
    entered(&world, 2).await;
    let late = store.statistics(&ada).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    let waited = began.elapsed();
    println!("with the pool exhausted, a call gave up after {waited:?}");
    assert!(waited >= Duration::from_millis(4_500) && waited < Duration::from_secs(7), "{waited:?}");
    for call in busy {
        assert!(!call.await.unwrap().unwrap(), "it was only slow");
    }
    store.statistics(&ada).await.unwrap();
}

/// Passes bytes on to the server at `target`, and counts those that come back.
async fn relay(target: String) -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let counted = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&counted);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let (far, count) = (TcpStream::connect(&target).await.unwrap(), Arc::clone(&count));
            let ((mut near_in, mut near_out), (mut far_in, mut far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut near_in, &mut far_out).await });
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 << 10];
                while let Ok(length @ 1..) = far_in.read(&mut buffer).await {
                    count.fetch_add(length as u64, Ordering::SeqCst);
                    near_out.write_all(buffer.get(..length).unwrap_or_default()).await.unwrap();
                }
            });
        }
    });
    (port, counted)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_over_the_wire_is_compressed() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let filled = open(&world, |_| {}).await;
    let catalogue = concat!(env!("CARGO_MANIFEST_DIR"), "/../catalog");
    let (machine, bar) = (Machine::system(), ProgressBar::hidden());
    let cache = LocalCache::alone(machine.clone());
    let target = Target { store: &filled, cache: &cache, now: machine.now(), bar: &bar };
    let report = import_markdown(&target, catalogue.as_ref(), None).await.unwrap();

    let mut plain = 0;
    for (name, compressors) in [
        ("nothing", Some(vec![])),
        ("snappy", Some(vec![Compressor::Snappy])),
        ("zlib", Some(vec![Compressor::Zlib { level: None }])),
        ("zstd", Some(vec![Compressor::Zstd { level: None }])),
        ("as the origin does", None),
    ] {
        let target = options(&world).await.hosts.first().unwrap().to_string();
        let (port, counted) = relay(target).await;
        let store = open(&world, |options| {
            options.hosts = vec![ServerAddress::Tcp { host: "127.0.0.1".to_owned(), port: Some(port) }];
            options.min_pool_size = Some(0);
            options.compressors = compressors;
        })
        .await;
        let modules = store.list_modules(&ModuleFilter::default(), None, 100).await.unwrap();
        assert_eq!(modules.len() as u64, report.modules);
        let before = counted.load(Ordering::SeqCst);
        for module in &modules {
            store.module(&module.slug).await.unwrap().unwrap();
        }
        let received = counted.load(Ordering::SeqCst) - before;
        plain = plain.max(received);
        let saved = 100 - received * 100 / plain;
        println!("{} modules compressed with {name}: {received} B, {saved} % fewer", modules.len());
        assert!(name != "as the origin does" || saved >= 40, "{received} of {plain}");
    }
}
