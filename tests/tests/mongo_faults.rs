//! MongoDB that fails in the middle of a write: what did not happen is said not to have happened, what may have is said to be in
//! doubt, and nothing happens twice or by half. Each kind of error as such: `origin/src/store/mongo/failure.rs`.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::time::Duration;

use futures_util::TryStreamExt;
use kairos_origin::store::mongo::MongoStore;
use kairos_origin::store::records::{Applied, FingerprintedOperation, Replaced};
use kairos_origin::store::{GenerationStore, Store, StoreError};
use kairos_protocol::catalog::Module;
use kairos_protocol::generation::{Generation, Namespace};
use kairos_protocol::ids::{OperationId, Slug, UserId};
use kairos_protocol::operation::{Action, Operation};
use kairos_tests::failing_mongo::{Relay, end_order, open, order};
use kairos_tests::origin::draft;
use kairos_tests::world::{StoreKind, World};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ClientOptions;

const NOW: i64 = 1_790_000_000_000;

fn one() -> Slug {
    Slug::new("one").unwrap()
}

fn module(version: u64) -> Module {
    let draft: kairos_protocol::catalog::ModuleDraft = serde_json::from_value(draft("one")).unwrap();
    Module { version, ..draft.into_module(NOW) }
}

fn study(id: &str) -> FingerprintedOperation {
    let (id, module) = (OperationId::new(id).unwrap(), Slug::new("m").unwrap());
    FingerprintedOperation::new(Operation { id, module, at_ms: NOW, action: Action::Study { seconds: 60 } })
}

async fn catalog_number(store: &MongoStore) -> Generation {
    store.generations(&[Namespace::Catalog]).await.unwrap().get(&Namespace::Catalog).unwrap()
}

/// A store whose commands fail when the server is told so.
async fn marked(world: &World) -> MongoStore {
    open(world, |options| options.app_name = Some(world.name.clone())).await
}

fn closed(command: &str) -> Document {
    doc! { "failCommands": [command], "closeConnection": true }
}

fn failed(command: &str, code: i32) -> Document {
    doc! { "failCommands": [command], "errorCode": code }
}

// The server has one order at a time, so these cases follow one another.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_cut_short_happens_once_or_is_said_not_to_have_happened() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
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
        assert_eq!(replaced.map(|r| r.value).ok(), Some(Replaced::Done), "{fault}");
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
    for (fault, expected) in [
        (failed("update", 50), "unavailable"),
        (failed("update", 2), "corrupt"),
        (failed("commitTransaction", 2), "corrupt"),
        (closed("commitTransaction"), "unanswered"),
    ] {
        order(world, Bson::from("alwaysOn"), fault.clone()).await;
        let next = Module { version: version + 1, ..module(1) };
        let sorted = match store.replace_module(&next, version, NOW).await.unwrap_err() {
            StoreError::Unavailable(_) => "unavailable",
            StoreError::Unanswered(_) => "unanswered",
            StoreError::Corrupt(_) => "corrupt",
        };
        end_order(world).await;
        assert_eq!(sorted, expected, "{fault}");
        assert_eq!(store.module(&one()).await.unwrap().value.unwrap().version, version, "{fault}");
    }
}

/// A store behind a relay that freezes when the command is on its way, and that notices within two seconds or so.
async fn behind(relay: &Relay, world: &World) -> MongoStore {
    let address = relay.address();
    open(world, |options: &mut ClientOptions| {
        options.app_name = Some(behind_name(world));
        options.hosts = vec![address];
        options.direct_connection = Some(true);
        options.compressors = Some(vec![]);
        options.heartbeat_freq = Some(Duration::from_millis(500));
        options.connect_timeout = Some(Duration::from_secs(1));
        options.server_selection_timeout = Some(Duration::from_secs(1));
        options.min_pool_size = Some(0);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_a_frozen_server_does_later_was_said_to_be_in_doubt() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let direct = marked(&world).await;
    direct.insert_module(&module(1), NOW).await.unwrap();
    let before = catalog_number(&direct).await;
    let relay = Relay::start(&world, Some("commitTransaction")).await;
    let store = behind(&relay, &world).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn what_a_frozen_server_was_sent_before_the_commit_never_happens() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let direct = marked(&world).await;
    direct.insert_module(&module(1), NOW).await.unwrap();
    let before = catalog_number(&direct).await;
    // The deletion of a module is a command `update`.
    let relay = Relay::start(&world, Some("update\0")).await;
    let store = behind(&relay, &world).await;
    let deleting = tokio::spawn(async move { store.delete_module(&one(), 1, NOW).await });
    relay.frozen().await;
    let outcome = deleting.await.unwrap();
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    relay.thaw();
    // What was held up reaches the server now, and nobody commits it. The server would drop it after a minute.
    end_transaction(&direct, &world).await;
    let next = Module { version: 2, ..module(1) };
    let replaced = direct.replace_module(&next, 1, NOW).await.unwrap();
    assert_eq!(replaced.value, Replaced::Done);
    assert_eq!(replaced.generations.get(&Namespace::Catalog), Some(before.next(NOW)));
}

/// Waits until a store behind a relay has a transaction open and does nothing in it, and drops that.
async fn end_transaction(direct: &MongoStore, world: &World) {
    let admin = direct.database().client().database("admin");
    let ours = doc! { "appName": behind_name(world), "transaction": { "$exists": true }, "active": false };
    loop {
        let operations =
            admin.aggregate([doc! { "$currentOp": { "idleSessions": true } }, doc! { "$match": ours.clone() }]);
        if let Some(found) = operations.await.unwrap().try_next().await.unwrap() {
            let id = found.get_document("lsid").unwrap().get("id").unwrap().clone();
            admin.run_command(doc! { "killSessions": [{ "id": id }] }).await.unwrap();
            return;
        }
        tokio::task::yield_now().await;
    }
}

fn behind_name(world: &World) -> String {
    format!("{} behind a relay", world.name)
}
