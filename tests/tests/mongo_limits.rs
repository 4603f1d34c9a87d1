//! What a connection to MongoDB may cost (rows C1 to C3): pool, time, bytes on the wire. What fails half way: `mongo_faults.rs`. A
//! server that is not there: `mongo.rs`.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use kairos_origin::cache::Cache;
use kairos_origin::environment::Environment;
use kairos_origin::import::Target;
use kairos_origin::import::markdown::import_markdown;
use kairos_origin::store::catalog::ModuleFilter;
use kairos_origin::store::mongo::MongoStore;
use kairos_origin::store::{CatalogStore, ProgressStore, Store, StoreError};
use kairos_protocol::api::ids::{Slug, UserId};
use kairos_tests::failing_mongo::{Relay, open, options, order};
use kairos_tests::world::{StoreKind, World};
use mongodb::bson::doc;
use mongodb::options::Compressor;

/// A store with two connections.
async fn small(world: &World) -> MongoStore {
    open(world, |options| {
        options.app_name = Some(world.name.clone());
        options.max_pool_size = Some(2);
        options.min_pool_size = Some(0);
    })
    .await
}

/// Waits until as many commands are held up.
async fn entered(world: &World, times: i64) {
    let admin = mongodb::Client::with_options(options(world).await).unwrap().database("admin");
    let order = doc! { "waitForFailPoint": "failCommand", "timesEntered": times, "maxTimeMS": 10_000 };
    admin.run_command(order).await.unwrap();
}

// Row C2: with every connection in use, a place is waited for, but not for ever.
#[tokio::test(flavor = "multi_thread")]
async fn the_pool_has_an_end() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let (m, ada) = (Slug::new("m").unwrap(), UserId::new("ada").unwrap());
    let store = small(&world).await;
    let blocked = doc! { "failCommands": ["find"], "blockConnection": true, "blockTimeMS": 7_000 };
    if !order(&world, doc! { "times": 2 }, blocked).await {
        return;
    }
    let began = Instant::now();
    let busy = [0, 1].map(|_| {
        let (store, m) = (store.clone(), m.clone());
        tokio::spawn(async move { store.module(&m).await })
    });
    entered(&world, 2).await;
    let late = store.statistics(&ada).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    let waited = began.elapsed();
    println!("with the pool exhausted, a call gave up after {waited:?}");
    assert!(waited >= Duration::from_millis(4_500) && waited < Duration::from_secs(7), "{waited:?}");
    for call in busy {
        assert!(call.await.unwrap().unwrap().value.is_none(), "it was only slow");
    }
    store.statistics(&ada).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_over_the_wire_is_compressed() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let filled = open(&world, |_| {}).await;
    let catalogue = concat!(env!("CARGO_MANIFEST_DIR"), "/../catalog");
    let (environment, bar) = (Environment::system(), ProgressBar::hidden());
    let store: Arc<dyn Store> = Arc::new(filled);
    let cache = Cache::local(Arc::<dyn Store>::clone(&store));
    let target = Target { store: store.as_ref(), cache: &cache, now: environment.now(), bar: &bar };
    let report = import_markdown(&target, catalogue.as_ref(), None).await.unwrap();

    let mut plain = 0;
    for (name, compressors) in [
        ("nothing", Some(vec![])),
        ("snappy", Some(vec![Compressor::Snappy])),
        ("zlib", Some(vec![Compressor::Zlib { level: None }])),
        ("zstd", Some(vec![Compressor::Zstd { level: None }])),
        ("as the origin does", None),
    ] {
        let relay = Relay::start(&world, None).await;
        let store = open(&world, |options| {
            options.hosts = vec![relay.address()];
            options.direct_connection = Some(true);
            options.min_pool_size = Some(0);
            options.compressors = compressors;
        })
        .await;
        let modules = store.list_modules(&ModuleFilter::default(), None, 100).await.unwrap().value;
        assert_eq!(modules.len() as u64, report.modules);
        let before = relay.received();
        for module in &modules {
            store.module(&module.slug).await.unwrap().value.unwrap();
        }
        let received = relay.received() - before;
        plain = plain.max(received);
        let saved = 100 - received * 100 / plain;
        println!("{} modules compressed with {name}: {received} B, {saved} % fewer", modules.len());
        assert!(name != "as the origin does" || saved >= 40, "{received} of {plain}");
    }
}
