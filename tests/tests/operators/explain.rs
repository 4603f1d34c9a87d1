//! `kairos-origin explain` and `kairos-origin indexes`, on data as a school has it: all is good, and what is bad is told with what to add.

use kairos_origin::store::Store;
use kairos_origin::store::explain::Assessment;
use kairos_origin::store::keys::{KeyRing, SigningKey};
use kairos_origin::store::mongo::{MongoStore, shapes};
use kairos_origin::store::progress::FingerprintedOperation;
use kairos_origin::store::sqlite::SqliteStore;
use kairos_protocol::api::account::Role;
use kairos_protocol::api::catalog::{Difficulty, Module, ModuleDraft, Publication};
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::operation::{Action, Operation};
use kairos_tests::program::{Said, run};
use kairos_tests::world::{StoreKind, World};
use mongodb::Database;
use mongodb::bson::{Document, doc};
use serde_json::Value;

const NOW: i64 = 4_000_000_000_000;

fn module(n: u32) -> Module {
    let draft = ModuleDraft {
        slug: Slug::new(format!("m{n:03}")).unwrap(),
        title: format!("About caches {n}"),
        subject: format!("Subject {}", n % 3),
        position: n,
        difficulty: if n.is_multiple_of(2) { Difficulty::Beginner } else { Difficulty::Advanced },
        tags: vec!["http".to_owned(), format!("tag{}", n % 5)],
        language: "en".to_owned(),
        summary: String::new(),
        content: "Some text.".to_owned(),
        duration_minutes: 5,
        status: Publication::Published,
        version: None,
    };
    draft.into_module(NOW)
}

/// 300 modules, two learners with an account and a session, of whom each did something in 120.
async fn fill(store: &dyn Store) {
    let modules: Vec<_> = (0..300).map(module).collect();
    store.import_modules(&modules, NOW).await.unwrap();
    for name in ["ada", "bob"] {
        let user = UserId::new(name).unwrap();
        let account = kairos_origin::store::accounts::Account {
            id: user.clone(),
            email: format!("{name}@example.org"),
            display_name: name.to_owned(),
            hashed_password: Some("a secret hash".to_owned()),
            roles: vec![Role::Learner],
            created_at_ms: NOW,
        };
        assert!(store.insert_account(&account).await.unwrap());
        let session = kairos_origin::store::sessions::NewSession {
            family: format!("family-of-{name}"),
            user: user.clone(),
            verified_hash: "a secret hash".to_owned(),
            token_hash: "a token".to_owned(),
            expires_at_ms: NOW + 1,
        };
        assert!(store.insert_session(&session).await.unwrap());
        let open = |n: i64| {
            let (id, module) = (OperationId::new(format!("op{n}")).unwrap(), Slug::new(format!("m{n:03}")).unwrap());
            FingerprintedOperation::new(Operation { id, module, at_ms: NOW - n, action: Action::Open {} })
        };
        let operations: Vec<_> = (0..120).map(open).collect();
        store.apply_operations(&user, &operations, NOW).await.unwrap();
    }
}

async fn filled() -> Option<(World, MongoStore)> {
    let world = World::new(StoreKind::Mongo, false)?;
    let store = MongoStore::open(world.mongodb_url().unwrap()).await.unwrap();
    fill(&store).await;
    store.start_for_test().await;
    Some((world, store))
}

/// The keys are there as soon as a server started.
trait Started {
    async fn start_for_test(&self);
}

impl<S: Store> Started for S {
    async fn start_for_test(&self) {
        let kid = "k".to_owned();
        let key = SigningKey { kid, pkcs8: vec![1], public: [1; 32], signs_from_ms: 0, verifies_until_ms: None };
        let installation = "i".to_owned();
        let ring = KeyRing { version: 1, installation, refresh_secret: vec![1], keys: vec![key] };
        assert!(self.put_key_ring(&ring).await.unwrap());
        self.ping().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shape_is_good_on_data_as_a_school_has_it() {
    let Some((_world, store)) = filled().await else { return };
    let explained = store.explain().await.unwrap();
    for one in &explained {
        let (counted, what) = (one.counted.unwrap(), format!("{one:?}"));
        assert!(!matches!(one.assessment, Assessment::Bad { .. }), "{what}");
        assert_ne!(one.assessment, Assessment::Untried, "nothing was found: {what}");
        // Row Q5, read from the counts alone.
        let is_within = counted.keys * 10 <= counted.returned * 12 + counted.ranges * 10;
        assert!(is_within || matches!(one.assessment, Assessment::Excused { .. }), "{what}");
        assert!(!one.indexes.is_empty(), "{what}");
    }
    for shape in shapes::ALL {
        assert!(explained.iter().any(|one| one.shape == shape.name), "{} is not explained", shape.name);
    }
    assert_eq!(explained.iter().filter(|one| one.shape == "modules.list").count(), 16, "each filter, on each page");
}

async fn ask(world: &World, arguments: &[&str]) -> Option<Said> {
    run(arguments, &[("MONGODB_URL", world.mongodb_url().unwrap())]).await
}

fn rows(said: &Said) -> Vec<Value> {
    serde_json::from_str(&said.output).unwrap_or_else(|_| panic!("{said:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_index_is_told_and_made() {
    let Some((world, store)) = filled().await else { return };
    let database: &Database = store.database();
    let Some(said) = ask(&world, &["explain"]).await else { return };
    println!("{}", said.output);
    assert_eq!((said.code, said.errors.as_str()), (Some(0), ""), "{said:?}");
    for secret in ["ada", "secret", "family"] {
        assert!(!said.output.contains(secret), "{secret}: {said:?}");
    }

    let history = database.collection::<Document>("history");
    history.drop_index("user_id_1_at_-1_operation_-1").await.unwrap();
    history.create_index(mongodb::IndexModel::builder().keys(doc! { "module": 1 }).build()).await.unwrap();
    let said = ask(&world, &["explain", "--json"]).await.unwrap();
    assert_eq!((said.code, said.errors.lines().count()), (Some(1), 1), "{said:?}");
    let bad: Vec<_> = rows(&said).into_iter().filter(|row| row["assessment"]["is"] == "bad").collect();
    assert_eq!(bad.len(), 2, "{bad:?}");
    for row in &bad {
        assert_eq!(row["shape"], "history.list");
        let advice = row["assessment"]["advice"].as_str().unwrap();
        assert!(advice.contains("whole collection") && advice.contains("indexes --create"), "{advice}");
        assert!(advice.contains("user_id_1_at_-1_operation_-1"), "{advice}");
    }

    let said = ask(&world, &["indexes", "--json"]).await.unwrap();
    assert_eq!(said.code, Some(1), "{said:?}");
    let state = |said: &Said, name: &str| {
        let row = rows(said).into_iter().find(|row| row["collection"] == "history" && row["name"] == name);
        row.map(|row| row["state"].as_str().unwrap().to_owned())
    };
    assert_eq!(state(&said, "user_id_1_at_-1_operation_-1").as_deref(), Some("missing"));
    assert_eq!(state(&said, "module_1").as_deref(), Some("unknown"));
    assert!(
        rows(&said).iter().any(|row| row["bytes"].as_u64() > Some(0) && row["uses"].as_u64() > Some(0)),
        "{said:?}"
    );
    assert!(rows(&said).iter().any(|row| row["since"].is_string()), "{said:?}");

    let said = ask(&world, &["indexes", "--create"]).await.unwrap();
    println!("{}", said.output);
    assert_eq!((said.code, said.errors.as_str()), (Some(0), ""), "{said:?}");
    assert!(said.output.contains("unknown") && said.output.contains("unused so far"), "{said:?}");
    assert_eq!(ask(&world, &["explain"]).await.unwrap().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_is_explained_too() {
    let world = World::new(StoreKind::Sqlite, false).unwrap();
    let store = SqliteStore::open(&world.data()).unwrap();
    fill(&store).await;
    let data = world.data().display().to_string();
    let Some(said) = run(&["explain", "--json", "--data", &data], &[]).await else { return };
    assert_eq!((said.code, said.errors.as_str()), (Some(0), ""), "{said:?}");
    assert!(rows(&said).len() > 30, "{said:?}");
    let said = run(&["indexes", "--data", &data], &[]).await.unwrap();
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.output.contains("modules_by_difficulty"), "{said:?}");

    let other = rusqlite::Connection::open(world.data()).unwrap();
    other.execute_batch("DROP INDEX sessions_by_user").unwrap();
    let said = run(&["explain", "--data", &data], &[]).await.unwrap();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.output.contains("BAD: SCAN sessions"), "{said:?}");
    let said = run(&["explain", "--data", "not-there.db"], &[]).await.unwrap();
    assert_eq!((said.code, said.errors.lines().count()), (Some(1), 1), "{said:?}");
    assert!(said.errors.contains("not-there.db") && !std::path::Path::new("not-there.db").exists(), "{said:?}");
}
