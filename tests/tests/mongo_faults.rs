//! MongoDB that fails in the middle of a write: what did not happen is said not to have happened, what may have is said to be
//! uncertain, and nothing happens twice or by half. Each kind of error as such: `origin/src/store/mongo/failure.rs`.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::time::Duration;

use futures_util::TryStreamExt;
use kairos_origin::store::catalog::Replaced;
use kairos_origin::store::mongo::MongoStore;
use kairos_origin::store::progress::{Applied, FingerprintedOperation};
use kairos_origin::store::{self, AccountStore, CatalogStore, GenerationStore, ProgressStore, StoreError};
use kairos_protocol::api::catalog::Module;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::operation::{Action, Operation};
use kairos_protocol::sync::generation::{Generation, Namespace};
use kairos_tests::failing_mongo::{Relay, account, end_order, open, order};
use kairos_tests::origin::draft;
use kairos_tests::world::{StoreKind, World};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{ClientOptions, Credential};
use tokio::sync::Mutex;
use tokio::time::sleep;

const NOW: i64 = 1_790_000_000_000;

/// The server has one order at a time: held while it matters.
static ORDERS: Mutex<()> = Mutex::const_new(());

fn one() -> Slug {
    Slug::new("one").unwrap()
}

fn module(version: u64) -> Module {
    let draft: kairos_protocol::api::catalog::ModuleDraft = serde_json::from_value(draft("one")).unwrap();
    Module { version, ..draft.into_module(NOW) }
}

fn study(id: &str) -> FingerprintedOperation {
    let (id, module) = (OperationId::new(id).unwrap(), Slug::new("m").unwrap());
    FingerprintedOperation::new(Operation { id, module, at_ms: NOW, action: Action::Study { seconds: 60 } })
}

async fn catalog_number(store: &MongoStore) -> Generation {
    store.generations(&[Namespace::Catalog]).await.unwrap().get(&Namespace::Catalog).unwrap()
}

fn name_of<T>(outcome: store::Result<T>) -> &'static str {
    match outcome {
        Ok(_) => "done",
        Err(StoreError::Unavailable(_)) => "unavailable",
        Err(StoreError::Unanswered(_)) => "unanswered",
        Err(StoreError::Corrupt(_)) => "corrupt",
    }
}

/// A store whose commands fail when the server is told so. What says that it shuts down is asked again soon.
async fn marked(world: &World) -> MongoStore {
    open(world, |options| {
        options.app_name = Some(world.name.clone());
        options.heartbeat_freq = Some(Duration::from_millis(500));
    })
    .await
}

fn closed(command: &str) -> Document {
    doc! { "failCommands": [command], "closeConnection": true }
}

fn failed(command: &str, code: i32) -> Document {
    doc! { "failCommands": [command], "errorCode": code }
}

/// As the server says that another attempt may succeed.
fn labelled(command: &str, code: i32, label: &str) -> Document {
    doc! { "failCommands": [command], "errorCode": code, "errorLabels": [label] }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_cut_short_happens_once_or_is_said_not_to_have_happened() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let _orders = ORDERS.lock().await;
    let store = marked(&world).await;
    let ada = UserId::new("ada").unwrap();
    store.insert_module(&module(1), NOW).await.unwrap();
    let mut version = 1;
    let mut operations = 0;

    let mut once: Vec<_> = ["commitTransaction", "find", "update"].map(closed).to_vec();
    // MaxTimeMSExpired, WriteConcernFailed, ShutdownInProgress, PrimarySteppedDown, NotWritablePrimary, InterruptedAtShutdown,
    // InterruptedDueToReplStateChange
    once.extend([50, 64, 91, 189, 10_107, 11_600, 11_602].map(|code| failed("commitTransaction", code)));
    // WriteConflict and what an election does.
    once.extend([112, 189, 10_107, 11_600, 11_602].map(|code| failed("update", code)));
    // DuplicateKey: it was taken meanwhile.
    once.push(doc! { "failCommands": ["update"], "errorCode": 11_000,
    "errorExtraInfo": { "keyPattern": { "_id": 1 }, "keyValue": { "_id": "one" } } });
    // NoSuchTransaction: it was dropped.
    once.push(labelled("commitTransaction", 251, "TransientTransactionError"));
    once.push(doc! { "failCommands": ["commitTransaction"],
    "writeConcernError": { "code": 91, "errmsg": "Replication is being shut down" } });
    for (index, fault) in once.into_iter().enumerate() {
        let before = catalog_number(&store).await;
        if !order(&world, doc! { "times": 1 }, fault.clone()).await {
            return;
        }
        let next = Module { version: version + 1, ..module(1) };
        let replaced = store.replace_module(&next, version, NOW).await;
        end_order(&world).await;
        assert!(matches!(&replaced, Ok(r) if r.value == Replaced::Done), "{fault}: {replaced:?}");
        version += 1;
        assert_eq!(store.module(&one()).await.unwrap().value.unwrap().version, version, "{fault}");
        assert!(catalog_number(&store).await > before);

        if index % 4 > 0 {
            continue;
        }
        order(&world, doc! { "times": 1 }, fault.clone()).await;
        let applied = store.apply_operations(&ada, &[study(&format!("o{index}"))], NOW).await;
        end_order(&world).await;
        assert!(matches!(applied.unwrap().value.as_slice(), [Applied::Now(_)]), "{fault}");
        operations += 1;
        assert_eq!(store.statistics(&ada).await.unwrap().value.time_spent_secs, operations * 60, "{fault}");
    }
    assert_eq!(store.list_history(&ada, None, 100).await.unwrap().value.len() as u64, operations);

    nothing_has_happened_before_the_commit(&world, &store, version).await;
}

/// Before the commit, whatever fails, nothing has happened; after it, nobody knows. (Defects apart.)
async fn nothing_has_happened_before_the_commit(world: &World, store: &MongoStore, version: u64) {
    let direct = open(world, |_| {}).await;
    for (fault, expected) in [
        (failed("update", 50), "unavailable"),
        (failed("update", 2), "corrupt"),
        (failed("commitTransaction", 2), "corrupt"),
        (closed("commitTransaction"), "unanswered"),
    ] {
        order(world, Bson::from("alwaysOn"), fault.clone()).await;
        let next = Module { version: version + 1, ..module(1) };
        let sorted = name_of(store.replace_module(&next, version, NOW).await);
        // A commit that is being asked for once more may come true when the order has ended, and breaks connections until then.
        let read = direct.module(&one()).await;
        end_order(world).await;
        assert_eq!(sorted, expected, "{fault}");
        assert_eq!(read.unwrap().value.unwrap().version, version, "{fault}");
    }
    end_transactions(&direct, &world.name).await;
}

/// The sessions of a store named `app` that have a transaction open.
async fn open_transactions(direct: &MongoStore, app: &str) -> Vec<Document> {
    let ours = doc! { "appName": app, "transaction": { "$exists": true } };
    let admin = direct.database().client().database("admin");
    let operations = admin.aggregate([doc! { "$currentOp": { "idleSessions": true } }, doc! { "$match": ours }]);
    let found: Vec<Document> = operations.await.unwrap().try_collect().await.unwrap();
    found.iter().map(|one| doc! { "id": one.get_document("lsid").unwrap().get("id").unwrap() }).collect()
}

/// Drops what [`open_transactions`] finds until there is none: else the server would, after a minute. How many there were.
async fn end_transactions(direct: &MongoStore, app: &str) -> usize {
    let mut ended = 0;
    loop {
        let left = open_transactions(direct, app).await;
        if left.is_empty() {
            return ended;
        }
        ended += left.len();
        direct.database().client().database("admin").run_command(doc! { "killSessions": left }).await.unwrap();
    }
}

// The longest that a caller waits is 20 s.
#[tokio::test(flavor = "multi_thread")]
async fn what_its_caller_gave_up_before_the_commit_is_not_committed_later() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let _orders = ORDERS.lock().await;
    let (store, direct) = (marked(&world).await, open(&world, |_| {}).await);
    store.insert_module(&module(1), NOW).await.unwrap();
    let held_up = doc! { "failCommands": ["insert", "update"], "blockConnection": true, "blockTimeMS": 20_500 };
    if !order(&world, doc! { "times": 2 }, held_up).await {
        return;
    }
    let (next, ada) = (Module { version: 2, ..module(1) }, account("ada"));
    let (replaced, inserted) = tokio::join!(store.replace_module(&next, 1, NOW), store.insert_account(&ada));
    assert_eq!(name_of(replaced), "unavailable");
    assert_eq!(name_of(inserted), "unanswered", "a command by itself cannot be taken back");
    end_order(&world).await;
    while !open_transactions(&direct, &world.name).await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(direct.module(&one()).await.unwrap().value.unwrap().version, 1);
    while direct.account_by_email(&ada.email).await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
}

// These are commands by themselves: no transaction was dropped with them.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_that_was_sent_by_itself_came_to_is_unknown() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let _orders = ORDERS.lock().await;
    let store = marked(&world).await;
    let concern =
        doc! { "failCommands": ["insert"], "writeConcernError": { "code": 64, "errmsg": "waiting timed out" } };
    for (index, (fault, expected, happened)) in [
        (closed("insert"), "unanswered", false),
        // MaxTimeMSExpired, PrimarySteppedDown, NotWritablePrimary, InterruptedDueToReplStateChange
        (failed("insert", 50), "unanswered", false),
        (failed("insert", 189), "unanswered", false),
        (failed("insert", 10_107), "unanswered", false),
        (failed("insert", 11_602), "unanswered", false),
        (labelled("insert", 8_000, "RetryableWriteError"), "unanswered", false),
        (failed("insert", 8_000), "corrupt", false),
        (concern, "unanswered", true),
    ]
    .into_iter()
    .enumerate()
    {
        if !order(&world, Bson::from("alwaysOn"), fault.clone()).await {
            return;
        }
        let account = account(&format!("ada{index}"));
        let sorted = name_of(store.insert_account(&account).await);
        end_order(&world).await;
        assert_eq!(sorted, expected, "{fault}");
        assert_eq!(store.insert_account(&account).await.unwrap(), !happened, "{fault}");
    }
}

// Else what the server refused would count as what was there before.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_which_a_part_is_refused_fails() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let store = open(&world, |_| {}).await;
    let accounts = ["ada", "bob", "cleo"].map(account);
    assert_eq!(store.import_accounts(&accounts[..1]).await.unwrap(), 1);
    let no_bob = doc! { "collMod": "users", "validator": { "_id": { "$ne": "bob" } } };
    store.database().run_command(no_bob).await.unwrap();
    assert_eq!(name_of(store.import_accounts(&accounts).await), "corrupt");
    store.database().run_command(doc! { "collMod": "users", "validator": {} }).await.unwrap();
    assert_eq!(store.import_accounts(&accounts).await.unwrap(), 1, "the others were there");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_let_in_no_longer_has_sent_nothing() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let admin = open(&world, |_| {}).await.database().client().database("admin");
    let user = doc! { "createUser": &world.name, "pwd": "a password", "roles": ["root"] };
    admin.run_command(user).await.unwrap();
    let store = open(&world, |options| {
        let credential = Credential::builder().username(world.name.clone()).password("a password".to_owned());
        options.credential = Some(credential.source("admin".to_owned()).build());
        options.min_pool_size = Some(0);
        options.max_idle_time = Some(Duration::from_millis(1));
    })
    .await;
    admin.run_command(doc! { "dropUser": &world.name }).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    let outcome = store.insert_account(&account("ada")).await;
    assert!(matches!(&outcome, Err(StoreError::Unavailable(why)) if why.contains("SCRAM")), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_is_cut_short_is_done_again() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let _orders = ORDERS.lock().await;
    let store = marked(&world).await;
    store.insert_module(&module(1), NOW).await.unwrap();
    // SnapshotUnavailable, PrimarySteppedDown
    for fault in [closed("find"), failed("find", 246), failed("find", 189)] {
        if !order(&world, doc! { "times": 1 }, fault.clone()).await {
            return;
        }
        let read = store.module(&one()).await;
        end_order(&world).await;
        assert!(read.unwrap().value.is_some(), "{fault}");
    }
    order(&world, Bson::from("alwaysOn"), closed("find")).await;
    let reads = [name_of(store.module(&one()).await), name_of(store.account_by_email("ada@example.org").await)];
    end_order(&world).await;
    assert_eq!(reads, ["unavailable"; 2], "a read leaves nothing unknown");
}

/// A store behind a relay that freezes when the command is on its way, and that notices within two seconds or so. It looks for a
/// server as long as `patience`.
async fn behind(relay: &Relay, world: &World, patience: Duration) -> MongoStore {
    let address = relay.address();
    open(world, |options: &mut ClientOptions| {
        options.app_name = Some(behind_name(world));
        options.hosts = vec![address];
        options.direct_connection = Some(true);
        options.compressors = Some(vec![]);
        options.heartbeat_freq = Some(Duration::from_millis(500));
        options.connect_timeout = Some(Duration::from_secs(1));
        options.server_selection_timeout = Some(patience);
        options.min_pool_size = Some(0);
    })
    .await
}

const PATIENCE: Duration = Duration::from_secs(1);

fn behind_name(world: &World) -> String {
    format!("{} behind a relay", world.name)
}

async fn a_commit_is_frozen(patience: Duration) {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let direct = marked(&world).await;
    direct.insert_module(&module(1), NOW).await.unwrap();
    let before = catalog_number(&direct).await;
    let relay = Relay::start(&world, Some("commitTransaction")).await;
    let store = behind(&relay, &world, patience).await;
    let deleting = tokio::spawn(async move { store.delete_module(&one(), 1, NOW).await });
    relay.frozen().await;
    let outcome = deleting.await.unwrap();
    assert!(matches!(outcome, Err(StoreError::Unanswered(_))), "{outcome:?}");
    assert!(direct.module(&one()).await.unwrap().value.is_some(), "not yet");
    relay.thaw();
    // It comes true now, and so does its number.
    while direct.module(&one()).await.unwrap().value.is_some() {
        tokio::task::yield_now().await;
    }
    assert!(catalog_number(&direct).await > before);
}

// That it cannot be sent again, with a millisecond to find a server, says nothing about the first time.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_a_frozen_server_does_later_was_said_to_be_unknown() {
    tokio::join!(a_commit_is_frozen(PATIENCE), a_commit_is_frozen(Duration::from_millis(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_frozen_server_was_sent_before_the_commit_never_happens() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let direct = marked(&world).await;
    direct.insert_module(&module(1), NOW).await.unwrap();
    let before = catalog_number(&direct).await;
    // The deletion of a module is a command `update`.
    let relay = Relay::start(&world, Some("update\0")).await;
    let store = behind(&relay, &world, PATIENCE).await;
    let deleting = tokio::spawn(async move { store.delete_module(&one(), 1, NOW).await });
    relay.frozen().await;
    let outcome = deleting.await.unwrap();
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    relay.thaw();
    // What was held up reaches the server now, and nobody commits it. The server would drop it after a minute; the store that began it does
    // sooner, or the next write would wait for it in vain.
    let next = Module { version: 2, ..module(1) };
    let replaced = direct.replace_module(&next, 1, NOW).await.unwrap();
    assert_eq!(replaced.value, Replaced::Done);
    assert_eq!(replaced.generations.get(&Namespace::Catalog), Some(before.next(NOW)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_of_a_frozen_server_is_unavailable() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let relay = Relay::start(&world, Some("ada@example.org")).await;
    let store = behind(&relay, &world, PATIENCE).await;
    assert_eq!(name_of(store.account_by_email("ada@example.org").await), "unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_does_later_what_it_was_sent_and_never_what_it_was_not() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let direct = marked(&world).await;
    let relay = Relay::start(&world, Some("insert\0")).await;
    let store = behind(&relay, &world, PATIENCE).await;
    let inserting = tokio::spawn({
        let store = store.clone();
        async move { store.insert_account(&account("ada")).await }
    });
    relay.frozen().await;
    assert_eq!(name_of(inserting.await.unwrap()), "unanswered", "its connection was closed while it waited");
    assert_eq!(name_of(store.insert_account(&account("bob")).await), "unavailable", "no server was found");
    assert!(direct.account_by_email("ada@example.org").await.unwrap().is_none(), "not yet");
    relay.thaw();
    while direct.account_by_email("ada@example.org").await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    assert!(direct.account_by_email("bob@example.org").await.unwrap().is_none());
}
