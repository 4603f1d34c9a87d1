//! Operations, records, statistics, history.

use std::collections::BTreeMap;

use kairos_origin::store::Store;
use kairos_origin::store::progress::{Applied, FingerprintedOperation};
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::operation::Action;
use kairos_protocol::api::progress::Statistics;
use kairos_protocol::sync::reducer;
use kairos_tests::world::World;

use super::samples::{NOW, operation, user};

/// Some hundred operations in a few modules, made from a seed; a few of them twice.
fn many(seed: u64, count: u64) -> Vec<FingerprintedOperation> {
    let mut state = seed;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let one = |n: u64| {
        let action = match random(4) {
            0 => Action::Open {},
            1 => Action::Study { seconds: u32::try_from(1 + random(9_000)).unwrap() },
            2 => Action::Submit { score: u8::try_from(random(120)).ok().filter(|s| *s <= 100) },
            _ => Action::Complete {},
        };
        let at_ms = NOW - i64::try_from(random(50)).unwrap();
        operation(&format!("op-{seed}-{n}"), &format!("m{}", random(6)), at_ms, action)
    };
    (0..count).map(one).collect()
}

fn reduced(operations: &[FingerprintedOperation]) -> (Vec<kairos_protocol::api::progress::ProgressRecord>, Statistics) {
    let mut records = BTreeMap::new();
    reducer::apply_all(&mut records, operations.iter().map(|f| &f.operation));
    let statistics = reducer::statistics(records.values());
    (records.into_values().collect(), statistics)
}

async fn has_exactly(store: &dyn Store, learner: &UserId, operations: &[FingerprintedOperation]) {
    let (records, statistics) = reduced(operations);
    assert_eq!(store.list_progress(learner, None, 100).await.unwrap().value, records);
    assert_eq!(store.statistics(learner).await.unwrap().value, statistics);
    assert_eq!(store.list_history(learner, None, 1_000).await.unwrap().value.len(), operations.len());
}

pub(crate) async fn an_operation_is_applied_once(world: World) {
    let store = world.store().await;
    let ada = user("ada");
    let study = operation("one", "m", NOW, Action::Study { seconds: 60 });
    let done = store.apply_operations(&ada, &[study.clone(), study.clone()], NOW).await.unwrap().value;
    assert!(
        matches!(done.as_slice(), [Applied::Now(r), Applied::Before(same)] if r == same && r.time_spent_secs == 60)
    );
    let again = store.apply_operations(&ada, std::slice::from_ref(&study), NOW + 1).await.unwrap().value;
    assert!(matches!(again.as_slice(), [Applied::Before(r)] if r.time_spent_secs == 60));
    // An hour later too, when a record no longer lists it.
    let more = operation("two", "m", NOW, Action::Study { seconds: 1 });
    store.apply_operations(&ada, &[more], NOW + 3_600_000).await.unwrap();
    let again = store.apply_operations(&ada, &[study], NOW + 7_200_000).await.unwrap().value;
    assert!(matches!(again.as_slice(), [Applied::Before(r)] if r.time_spent_secs == 61));
    assert!(store.apply_operations(&ada, &[], NOW).await.unwrap().value.is_empty());
}

pub(crate) async fn twins_at_the_same_moment_apply_once(world: World) {
    let stores = [world.store().await, world.store().await];
    let operations = many(1, 40);
    let batches = (0..8_usize).map(|n| {
        let (store, operations) = (stores[n % 2].clone(), operations.clone());
        tokio::spawn(async move { store.apply_operations(&user("ada"), &operations, NOW).await.unwrap().value })
    });
    let mut applied_now = 0;
    for batch in batches.collect::<Vec<_>>() {
        applied_now += batch.await.unwrap().iter().filter(|a| matches!(a, Applied::Now(_))).count();
    }
    assert_eq!(applied_now, 40);
    has_exactly(stores[0].as_ref(), &user("ada"), &operations).await;
}

pub(crate) async fn an_id_is_not_used_twice(world: World) {
    let store = world.store().await;
    let ada = user("ada");
    let first = operation("one", "m", NOW, Action::Study { seconds: 60 });
    let other = operation("one", "m", NOW, Action::Study { seconds: 61 });
    let done = store.apply_operations(&ada, &[first.clone(), other.clone()], NOW).await.unwrap().value;
    assert!(matches!(done.as_slice(), [Applied::Now(_), Applied::IdReused]));
    assert_eq!(store.apply_operations(&ada, &[other], NOW).await.unwrap().value, [Applied::IdReused]);
    has_exactly(store.as_ref(), &ada, &[first]).await;
}

pub(crate) async fn what_was_sent_before_is_known(world: World) {
    let store = world.store().await;
    let (ada, sent) = (user("ada"), operation("sent", "m", NOW, Action::Open {}));
    let (id, other) = (sent.operation.id.clone(), operation("other", "m", NOW, Action::Open {}).operation.id);
    store.apply_operations(&ada, &[sent], NOW).await.unwrap();
    let known = store.known_among(&ada, &[id.clone(), other]).await.unwrap();
    assert_eq!(known.into_iter().collect::<Vec<_>>(), std::slice::from_ref(&id));
    assert!(store.known_among(&user("bob"), &[id]).await.unwrap().is_empty(), "ids are each learner's own");
}

pub(crate) async fn statistics_are_the_reducers(world: World) {
    let store = world.store().await;
    assert_eq!(store.statistics(&user("nobody")).await.unwrap().value, Statistics::default());
    for seed in 2..6 {
        let learner = user(&format!("learner-{seed}"));
        let operations = many(seed, 120);
        for batch in operations.chunks(17) {
            store.apply_operations(&learner, batch, NOW).await.unwrap();
        }
        has_exactly(store.as_ref(), &learner, &operations).await;
    }
}

pub(crate) async fn records_and_history_page_without_gaps(world: World) {
    let store = world.store().await;
    let ada = user("ada");
    let operations = many(7, 90);
    store.apply_operations(&ada, &operations, NOW).await.unwrap();
    let mut wanted: Vec<_> = operations.iter().map(|f| (f.operation.at_ms, f.operation.id.clone())).collect();
    wanted.sort_by(|a, b| b.cmp(a));
    let mut seen = Vec::new();
    loop {
        let page = store.list_history(&ada, seen.last(), 7).await.unwrap().value;
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|entry| (entry.at_ms, entry.id)));
    }
    assert_eq!(seen, wanted);
    let first = store.list_progress(&ada, None, 2).await.unwrap().value;
    let rest = store.list_progress(&ada, Some(&first[1].module), 100).await.unwrap().value;
    assert_eq!([first, rest].concat(), reduced(&operations).0);
}

pub(crate) async fn an_import_is_the_same_as_sending(world: World) {
    let store = world.store().await;
    let (sent, imported) = (many(8, 60), many(9, 60));
    let ada = user("ada");
    store.apply_operations(&ada, &sent[..30], NOW).await.unwrap();
    let batch: Vec<_> = sent.iter().chain(&imported).map(|o| (ada.clone(), o.clone())).collect();
    assert_eq!(store.import_operations(&batch, NOW).await.unwrap().value, 90);
    assert_eq!(store.import_operations(&batch, NOW).await.unwrap().value, 0);
    has_exactly(store.as_ref(), &ada, &[sent, imported].concat()).await;
}

pub(crate) async fn learners_do_not_see_each_other(world: World) {
    let store = world.store().await;
    let shared = operation("same-id", "m", NOW, Action::Complete {});
    for name in ["ada", "ada-2"] {
        let done = store.apply_operations(&user(name), std::slice::from_ref(&shared), NOW).await.unwrap().value;
        assert!(matches!(done.as_slice(), [Applied::Now(_)]), "{name}");
        has_exactly(store.as_ref(), &user(name), std::slice::from_ref(&shared)).await;
    }
}

pub(crate) async fn a_store_opened_again_has_everything(world: World) {
    let operations = many(10, 50);
    let ada = user("ada");
    world.store().await.apply_operations(&ada, &operations, NOW).await.unwrap();
    has_exactly(world.store().await.as_ref(), &ada, &operations).await;
}
