//! MongoDB's breaker: a server that does not answer is known within some two seconds, after that nothing waits for it, and it is used
//! again as soon as it answers, and so is what was left half done there; a slow query is no outage. Under load, through a whole origin: `dependency_faults.rs`.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::time::{Duration, Instant};

use kairos_origin::store::accounts::Account;
use kairos_origin::store::catalog::Replaced;
use kairos_origin::store::mongo::MongoStore;
use kairos_origin::store::{AccountStore, CatalogStore, HealthStore, ProgressStore, StoreError};
use kairos_protocol::api::catalog::{Module, ModuleDraft};
use kairos_protocol::api::ids::{Slug, UserId};
use kairos_tests::failing_mongo::{Relay, account, end_order, open, order};
use kairos_tests::origin::draft;
use kairos_tests::proxy::{Mode, Proxy};
use kairos_tests::world::{StoreKind, World};
use mongodb::bson::doc;
use mongodb::options::ServerAddress;
use tokio::time::sleep;

/// Less than the driver needs to notice that a server is frozen (15 s), more than the breaker needs on a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// A store with all the times that it has in production, through the proxy.
async fn behind(proxy: &Proxy, world: &World) -> MongoStore {
    let port = Some(proxy.port());
    open(world, |options| {
        options.hosts = vec![ServerAddress::Tcp { host: "127.0.0.1".to_owned(), port }];
        options.direct_connection = Some(true);
    })
    .await
}

/// Waits until the account is there.
async fn until_found(store: &MongoStore, account: &Account) {
    let began = Instant::now();
    loop {
        match store.account_by_email(&account.email).await {
            Ok(Some(_)) => return,
            other => assert!(began.elapsed() < SOON, "{:?}", other.err()),
        }
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_is_waited_for_once_and_used_again_when_it_answers() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let proxy = Proxy::start(world.mongodb_port().unwrap()).await.unwrap();
    let store = behind(&proxy, &world).await;
    let ada = UserId::new("ada").unwrap();
    proxy.set(Mode::Frozen);
    let began = Instant::now();
    let (first, second) = (account("ada"), account("bob"));
    let (read, sent) = tokio::join!(store.statistics(&ada), store.insert_account(&first));
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(matches!(sent, Err(StoreError::Unanswered(_))), "it may have happened: {sent:?}");
    println!("noticed after {:?}", began.elapsed());
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());

    // Two thousand that waited for a hundredth of a second would be at it for longer.
    let began = Instant::now();
    for _ in 0..1_000 {
        let refused = [store.statistics(&ada).await.unwrap_err(), store.insert_account(&second).await.unwrap_err()];
        assert!(refused.iter().all(|error| matches!(error, StoreError::Unavailable(_))), "{refused:?}");
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert!(store.ping().await.is_err());

    proxy.set(Mode::Pass);
    // What was sent happens in the end.
    until_found(&store, &first).await;
    store.ping().await.unwrap();
    assert!(store.insert_account(&second).await.unwrap(), "what was refused was never sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_query_is_no_outage() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let store = open(&world, |options| options.app_name = Some(world.name.clone())).await;
    let blocked = doc! { "failCommands": ["find"], "blockConnection": true, "blockTimeMS": 4_000 };
    if !order(&world, doc! { "times": 2 }, blocked).await {
        return;
    }
    let (one, two) = (Slug::new("one").unwrap(), Slug::new("two").unwrap());
    let (first, second) = tokio::join!(store.module(&one), store.module(&two));
    end_order(&world).await;
    assert!(first.unwrap().value.is_none() && second.unwrap().value.is_none(), "they were waited for");
}

fn module(version: u64) -> Module {
    let draft: ModuleDraft = serde_json::from_value(draft("one")).unwrap();
    Module { version, ..draft.into_module(0) }
}

// The server would hold it for a minute, and whoever writes the same would wait for that in vain.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_broken_transaction_holds_is_free_soon_after_its_server_is_back() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let direct = open(&world, |_| {}).await;
    direct.insert_module(&module(1), 0).await.unwrap();
    // After the module was changed, and before the commit.
    let relay = Relay::start(&world, Some("generations.raise")).await;
    let patience = Duration::from_secs(1);
    let store = open(&world, |options| {
        options.hosts = vec![relay.address()];
        options.direct_connection = Some(true);
        options.compressors = Some(vec![]);
        options.heartbeat_freq = Some(patience / 2);
        options.connect_timeout = Some(patience);
        options.server_selection_timeout = Some(patience);
        options.min_pool_size = Some(0);
    })
    .await;
    let outcome = store.delete_module(&Slug::new("one").unwrap(), 1, 0).await;
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    // Until the driver has noticed, and tried to tell the server in vain.
    sleep(patience * 4).await;
    relay.thaw();
    let replaced = direct.replace_module(&module(2), 1, 0).await;
    assert!(matches!(&replaced, Ok(replaced) if replaced.value == Replaced::Done), "{replaced:?}");
}
