//! What another process writes to the store: that it is noticed, and that nothing kept before is used after. The same through the
//! programs: `command_line.rs`.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::sync::Arc;

use kairos_origin::store::Store;
use kairos_origin::store::sqlite::SqliteStore;
use kairos_protocol::catalog::{Difficulty, ModuleDraft, Publication};
use kairos_protocol::generation::Generations;
use kairos_protocol::ids::Slug;
use kairos_tests::instance::{Instance, Table, TestClock, learner};
use kairos_tests::redis::RedisServer;

async fn insert(store: &SqliteStore, slug: &str) {
    let draft = ModuleDraft {
        slug: Slug::new(slug).unwrap(),
        title: slug.to_owned(),
        subject: "Caching".to_owned(),
        position: 0,
        difficulty: Difficulty::Beginner,
        tags: vec![],
        language: "en".to_owned(),
        summary: String::new(),
        content: String::new(),
        duration_minutes: 1,
        status: Publication::Published,
        version: None,
    };
    assert!(store.insert_module(&draft.into_module(0)).await.unwrap());
}

#[tokio::test]
async fn a_file_tells_other_processes_writes_from_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SqliteStore::open(&folder.path().join("kairos.db")).unwrap();
    let (mine, theirs) = (open(), open());
    let before = mine.foreign_version().await.unwrap().unwrap();
    insert(&mine, "mine").await;
    assert_eq!(mine.foreign_version().await.unwrap(), Some(before));
    insert(&theirs, "theirs").await;
    let after = mine.foreign_version().await.unwrap();
    assert_ne!(after, Some(before));
    assert_eq!(mine.foreign_version().await.unwrap(), after, "once noticed, it is known");
}

async fn forgets_all(instances: &[Instance]) {
    let (ada, nothing_seen) = (learner("ada"), Generations::default());
    for round in 0..3 {
        let mut before = Vec::new();
        for instance in instances {
            instance.read(&ada, &nothing_seen).await.unwrap();
            before.push(instance.read(&ada, &nothing_seen).await.unwrap());
        }
        let [first, ..] = instances else { return };
        let number = first.table.increase(&ada);
        for (instance, before) in instances.iter().zip(&before) {
            let unaware = instance.read(&ada, &nothing_seen).await.unwrap();
            assert!(unaware.status.contains("hit") && unaware.row == before.row, "round {round}: {}", unaware.status);
        }
        assert!(first.cache.invalidate_all().await);
        for (instance, before) in instances.iter().zip(before) {
            let after = instance.read(&ada, &nothing_seen).await.unwrap();
            assert_eq!(after.row.number, number, "round {round}: {}", after.status);
            assert!(after.generations != before.generations && after.generations.satisfies(&before.generations));
        }
    }
}

#[tokio::test]
async fn nothing_kept_before_is_used_after_in_process() {
    let instance = Instance::alone(&TestClock::new());
    forgets_all(&[instance]).await;
}

#[tokio::test]
async fn nothing_kept_before_is_used_after_through_redis() {
    let Some(redis) = RedisServer::start().await else { return };
    let table = Arc::<Table>::default();
    let here = Instance::sharing(redis.url(), Arc::clone(&table)).await;
    let there = Instance::sharing(redis.url(), table).await;
    forgets_all(&[here, there]).await;
}
