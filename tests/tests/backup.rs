//! `kairos-origin backup` and `restore`: a backup has all that was answered before it began, whatever is written meanwhile; what is put
//! back is never taken for a state that is gone; files of other releases. The store by itself is in `store.rs`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed check fails the test")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kairos_origin::store::sqlite::SqliteStore;
use kairos_origin::store::{AccountStore, CatalogStore, GenerationStore};
use kairos_protocol::api::catalog::Module;
use kairos_protocol::api::paths;
use kairos_protocol::sync::generation::{Generations, Namespace};
use kairos_tests::origin::{PASSWORD, Person, TestOrigin, draft};
use kairos_tests::program::{Said, run};
use reqwest::Method;
use rusqlite::Connection;
use serde_json::json;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

async fn back_up(data: &Path, to: &Path, more: &[&str]) -> Option<Said> {
    run(&[&["backup", text(to), "--data", text(data)], more].concat(), &[]).await
}

async fn restore(from: &Path, data: &Path) -> Option<Said> {
    run(&["restore", text(from), "--data", text(data)], &[]).await
}

#[track_caller]
fn refused(said: &Said, why: &str) {
    assert_eq!((said.code, said.output.as_str(), said.errors.lines().count()), (Some(1), "", 1), "{said:?}");
    assert!(said.errors.contains(why), "{said:?}");
}

#[track_caller]
fn done(said: &Said) {
    assert_eq!(said.code, Some(0), "{said:?}");
}

async fn study(origin: &TestOrigin, person: &Person, number: u64) {
    let action = json!({ "kind": "study", "seconds": 1 });
    let operation = json!({ "id": format!("operation-{number}"), "module": "caching", "at_ms": 5, "action": action });
    let body = json!({ "operations": [operation] });
    let _ = origin.send_as(person, Method::POST, paths::OPERATIONS, &body).await.expect(200);
}

fn count(connection: &Connection, sql: &str) -> u64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_writes_has_all_that_was_answered_before() {
    let Some(origin) = TestOrigin::builder().start().await else { return };
    let author = origin.author().await;
    // Some megabytes: more than one step.
    for number in 0..40 {
        let mut module = draft(&format!("module-{number}"));
        module["content"] = json!("A long text about caches. ".repeat(8_000));
        let _: Module = origin.send_as(&author, Method::POST, paths::MODULES, &module).await.expect(201).json();
    }
    origin.publish(&author, &["caching"]).await;
    let ada = origin.learner("ada").await;
    let folder = tempfile::tempdir().unwrap();
    let (data, to) = (origin.world.data(), folder.path().join("backup.db"));
    let (answered, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let writing = async {
        while !is_over.load(Ordering::SeqCst) {
            study(&origin, &ada, answered.load(Ordering::SeqCst)).await;
            answered.fetch_add(1, Ordering::SeqCst);
        }
    };
    let backing_up = async {
        let mut least = Vec::new();
        for _ in 0..5 {
            let before = answered.load(Ordering::SeqCst);
            let said = back_up(&data, &to, &["--force"]).await;
            if let Some(said) = &said {
                done(said);
                let backup = Connection::open(&to).unwrap();
                least.push((before, contents(&backup), answered.load(Ordering::SeqCst)));
            }
        }
        is_over.store(true, Ordering::SeqCst);
        least
    };
    let ((), found) = tokio::join!(writing, backing_up);
    println!("answered before, in the backup, answered after: {found:?}");
    for (before, within, after) in &found {
        assert!(before <= within && *within <= after + 1, "{found:?}");
    }
    assert!(found.is_empty() || found.iter().any(|(before, _, after)| before < after), "it was written meanwhile");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "backup.db"), "nothing is left beside it: {left:?}");
}

/// How many operations are in it; each with all that it changes.
fn contents(backup: &Connection) -> u64 {
    let check: String = backup.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    assert_eq!(count(backup, "SELECT count(*) FROM modules"), 41);
    let operations = count(backup, "SELECT count(*) FROM operations");
    assert_eq!(count(backup, "SELECT count(*) FROM history"), operations);
    assert_eq!(count(backup, "SELECT coalesce(sum(time_spent_secs), 0) FROM progress"), operations);
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_replaces_nothing_unasked() {
    let Some(origin) = TestOrigin::builder().start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (data, to) = (origin.world.data(), folder.path().join("backup.db"));
    std::fs::write(&to, "precious").unwrap();
    let Some(said) = back_up(&data, &to, &[]).await else { return };
    refused(&said, "--force");
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "precious");
    done(&back_up(&data, &to, &["--force"]).await.unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600, "it has secrets");
    }
    refused(&back_up(&data, &data, &["--force"]).await.unwrap(), "the store itself");
    refused(&back_up(&folder.path().join("none.db"), &to, &[]).await.unwrap(), "none.db is not there");
    refused(&back_up(&data, &folder.path().join("none/x.db"), &[]).await.unwrap(), "none/x.db");
    for (command, instead) in [("backup", "mongodump"), ("restore", "mongorestore")] {
        let file = folder.path().join("other.db");
        let said = run(&[command, text(&file), "--mongodb-url", "mongodb://127.0.0.1:1"], &[]).await.unwrap();
        refused(&said, instead);
    }
}

/// A folder with a backup of a store, and that store as it went on.
struct Gone {
    folder: tempfile::TempDir,
    data: PathBuf,
    backup: PathBuf,
    ada: Person,
    /// The last that Ada and the public were told, and the version of the module.
    seen: Generations,
    version: u64,
}

async fn write_on_after_a_backup() -> Option<Gone> {
    let origin = TestOrigin::builder().start().await?;
    let (author, ada) = (origin.author().await, origin.learner("ada").await);
    origin.publish(&author, &["caching", "vary"]).await;
    study(&origin, &ada, 0).await;
    let folder = tempfile::tempdir().unwrap();
    let (data, backup) = (folder.path().join("kairos.db"), folder.path().join("backup.db"));
    done(&back_up(&origin.world.data(), &backup, &[]).await?);
    study(&origin, &ada, 1).await;
    for version in 1..4 {
        let mut module = draft("caching");
        (module["version"], module["title"]) = (json!(version), json!(format!("Title {version}")));
        let _ = origin.send_as(&author, Method::PUT, "/v1/modules/caching", &module).await.expect(200);
    }
    origin.publish(&author, &["later"]).await;
    let mut seen = Generations::parse(&origin.get("/v1/modules").await.expect(200).generations());
    seen.raise(&Generations::parse(&origin.get_as(&ada, paths::PROGRESS).await.expect(200).generations()));
    done(&back_up(&origin.world.data(), &data, &[]).await?);
    Some(Gone { folder, data, backup, ada, seen, version: 4 })
}

async fn numbers(data: &Path, ada: &Person) -> Generations {
    let store = SqliteStore::open(data).unwrap();
    let nobody = Namespace::parse("user.nobody").unwrap();
    store.generations(&[Namespace::Catalog, Namespace::User(ada.id.clone()), nobody]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_back_is_never_taken_for_a_state_that_is_gone() {
    let Some(gone) = write_on_after_a_backup().await else { return };
    let said = restore(&gone.backup, &gone.data).await.unwrap();
    done(&said);
    assert!(said.output.contains("kairos.db.before-restore"), "{said:?}");

    let after = numbers(&gone.data, &gone.ada).await;
    for (namespace, number) in gone.seen.iter() {
        assert!(after.get(namespace).unwrap() > number, "{namespace}: {after} after {}", gone.seen);
    }
    // Those too that only the state which is gone knew.
    assert!(after.iter().all(|(_, number)| number.get() > 0), "{after}");

    let restored = Connection::open(&gone.data).unwrap();
    assert_eq!(count(&restored, "SELECT count(*) FROM operations"), 1);
    assert_eq!(count(&restored, "SELECT version FROM modules WHERE slug = 'caching'"), gone.version + 1);
    assert_eq!(count(&restored, "SELECT version FROM modules WHERE slug = 'vary'"), 1, "it did not change");
    assert_eq!(count(&restored, "SELECT version FROM deleted_modules WHERE slug = 'later'"), 1);
    assert_eq!(count(&restored, "SELECT count(*) FROM sessions"), 0);
    let aside = Connection::open(gone.folder.path().join("kairos.db.before-restore")).unwrap();
    assert_eq!(count(&aside, "SELECT count(*) FROM operations"), 2, "nothing is lost");

    // Once more, from the same backup: again above what was given out since.
    drop(restored);
    done(&restore(&gone.backup, &gone.data).await.unwrap());
    let again = numbers(&gone.data, &gone.ada).await;
    assert!(again.iter().all(|(namespace, number)| after.get(namespace).unwrap() < number), "{again} after {after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_put_back_under_a_server() {
    let Some(origin) = TestOrigin::builder().start().await else { return };
    origin.publish(&origin.author().await, &["caching"]).await;
    let ada = origin.learner("ada").await;
    let folder = tempfile::tempdir().unwrap();
    let (data, backup) = (origin.world.data(), folder.path().join("backup.db"));
    let Some(said) = back_up(&data, &backup, &[]).await else { return };
    done(&said);
    study(&origin, &ada, 0).await;
    refused(&restore(&backup, &data).await.unwrap(), "in use");
    study(&origin, &ada, 1).await;
    assert_eq!(count(&Connection::open(&data).unwrap(), "SELECT count(*) FROM operations"), 2);
    assert!(!data.with_file_name("kairos.db.restoring").exists());
    refused(&restore(&data, &data).await.unwrap(), "the store itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_damaged_or_gone_is_put_back() {
    let Some(gone) = write_on_after_a_backup().await else { return };
    std::fs::write(&gone.data, "This is no database. ".repeat(1_000)).unwrap();
    std::fs::write(gone.folder.path().join("kairos.db-wal"), "nor is this").unwrap();
    let said = restore(&gone.backup, &gone.data).await.unwrap();
    done(&said);
    assert!(said.errors.contains("could not be read"), "{said:?}");
    std::fs::remove_file(&gone.data).unwrap();
    std::fs::write(gone.folder.path().join("kairos.db-wal"), "left over").unwrap();
    done(&restore(&gone.backup, &gone.data).await.unwrap());
    // By the clock alone.
    let after = numbers(&gone.data, &gone.ada).await;
    assert!(gone.seen.iter().all(|(namespace, number)| after.get(namespace).unwrap() > number), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_backup_of_ours_is_not_put_back() {
    let Some(gone) = write_on_after_a_backup().await else { return };
    let other = |name: &str, sql: &str| {
        let path = gone.folder.path().join(name);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        path
    };
    let newer = gone.folder.path().join("newer.db");
    std::fs::copy(&gone.backup, &newer).unwrap();
    Connection::open(&newer).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let noise = gone.folder.path().join("noise.db");
    std::fs::write(&noise, "This is no database. ".repeat(100)).unwrap();
    let cut = gone.folder.path().join("cut.db");
    let bytes = std::fs::read(&gone.backup).unwrap();
    std::fs::write(&cut, bytes.get(..bytes.len() / 2).unwrap()).unwrap();
    let before = std::fs::read(&gone.data).unwrap();
    for (from, why) in [
        (newer.clone(), "newer release (schema 99"),
        (other("foreign.db", "CREATE TABLE t (a)"), "another program's"),
        (other("empty.db", ""), "another program's"),
        (noise, "not a database"),
        (cut, "cut.db"),
        (gone.folder.path().join("missing.db"), "is not there"),
    ] {
        let said = restore(&from, &gone.data).await.unwrap();
        assert_eq!(said.code, Some(1), "{from:?}: {said:?}");
        assert_eq!(said.errors.lines().count(), 1, "{from:?}: {said:?}");
        assert!(why == "cut.db" || said.errors.contains(why), "{from:?}: {said:?}");
        assert_eq!(std::fs::read(&gone.data).unwrap(), before, "{from:?}");
    }
    // Nor is a newer one served, and it is told what to do.
    let said = run(&["serve", "--listen", "127.0.0.1:0", "--data", text(&newer)], &[]).await.unwrap();
    refused(&said, "newer release (schema 99");
}

/// What the first release left: the tables of version 1.
fn make_old(data: &Path) {
    let old = Connection::open(data).unwrap();
    old.execute_batch(
        "DROP TABLE module_beginnings; DROP TABLE generations; DROP TABLE deleted_modules; DROP TABLE probe; DROP TABLE key_rings; DROP TABLE sessions;
         CREATE TABLE sessions (token_hash TEXT NOT NULL PRIMARY KEY, user_id TEXT NOT NULL, family TEXT NOT NULL,
             expires_at_ms INTEGER NOT NULL, rotated_at_ms INTEGER) STRICT, WITHOUT ROWID;
         CREATE TABLE signing_keys (name TEXT NOT NULL PRIMARY KEY, kid TEXT NOT NULL, pkcs8 BLOB NOT NULL,
             public BLOB NOT NULL) STRICT, WITHOUT ROWID;
         INSERT INTO sessions VALUES ('hash', 'ada', 'family', 1, NULL);
         PRAGMA user_version = 1;",
    )
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_an_older_release_is_backed_up_and_then_used() {
    let Some(gone) = write_on_after_a_backup().await else { return };
    make_old(&gone.data);
    let before = gone.folder.path().join("kairos.db.before-v4");
    std::fs::write(&before, "of another time").unwrap();
    let store = SqliteStore::open(&gone.data);
    assert!(store.is_ok(), "{:?}", store.err());
    assert_eq!(count(&Connection::open(&gone.data).unwrap(), "SELECT count(*) FROM operations"), 2);
    assert_eq!(std::fs::read_to_string(&before).unwrap(), "of another time");
    let backup = gone.folder.path().join("kairos.db.before-v4.2");
    let old = Connection::open(&backup).unwrap();
    assert_eq!(count(&old, "PRAGMA user_version"), 1);
    assert_eq!(count(&old, "SELECT count(*) FROM sessions WHERE token_hash = 'hash'"), 1, "what migration drops");
    assert!(!gone.folder.path().join("kairos.db.before-v4.3").exists(), "once is enough");
    drop((old, store));

    // It can be put back too, which brings it to this release.
    done(&restore(&backup, &gone.data).await.unwrap());
    assert_eq!(count(&Connection::open(&gone.data).unwrap(), "SELECT count(*) FROM operations"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_dropped_has_closed_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("kairos.db");
    for round in 0..50 {
        let store = SqliteStore::open(&data).unwrap();
        store.restored_at().await.unwrap();
        let clone = store.clone();
        drop(store);
        clone.restored_at().await.unwrap();
        drop(clone);
        // The last connection takes the log into the file and removes it.
        assert!(!folder.path().join("kairos.db-wal").exists(), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_restored_is_read() {
    let Some(gone) = write_on_after_a_backup().await else { return };
    done(&restore(&gone.backup, &gone.data).await.unwrap());
    let store = Arc::new(SqliteStore::open(&gone.data).unwrap());
    assert!(store.restored_at().await.unwrap() > 0);
    let slug = kairos_protocol::api::ids::Slug::new("caching").unwrap();
    let found = store.module(&slug).await.unwrap();
    assert_eq!(found.value.unwrap().summary.title, "About caching");
    let account = store.account_by_email("ada@example.org").await.unwrap();
    assert!(account.is_some_and(|account| account.hashed_password.is_some()), "{PASSWORD}");
}
