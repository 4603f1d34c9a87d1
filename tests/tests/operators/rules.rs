//! What the collections take (`$jsonSchema`), and the operator who may not set that.

use kairos_origin::store::mongo::MongoStore;
use kairos_origin::store::{CatalogStore, GenerationStore};
use kairos_protocol::api::ids::Slug;
use kairos_protocol::sync::generation::Namespace;
use kairos_tests::failing_mongo::{end_order, order};
use kairos_tests::world::{StoreKind, World};
use mongodb::bson::{DateTime, Document, doc};
use mongodb::error::{ErrorKind, WriteFailure};
use mongodb::options::ClientOptions;

async fn database(world: &World) -> mongodb::Database {
    mongodb::Client::with_uri_str(world.mongodb_url().unwrap()).await.unwrap().database(&world.name)
}

fn record() -> Document {
    doc! {
        "_id": "ada/m", "user_id": "ada", "module": "m", "status": "completed", "time_spent_secs": 1_i64, "attempts": 1,
        "updated_at": DateTime::now(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_could_not_read_is_refused() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let store = MongoStore::open(world.mongodb_url().unwrap()).await.unwrap();
    store.generations(&[Namespace::Catalog]).await.unwrap();
    let database = database(&world).await;
    let progress = database.collection::<Document>("progress");
    progress.insert_one(record()).await.unwrap();
    for (field, value) in
        [("best_score", 101.into()), ("updated_at", "today".into()), ("user_id", 7.into()), ("attempts", "1".into())]
    {
        let mut broken: Document = record();
        broken.insert("_id", "ada/other");
        let broken: Document =
            [broken, doc! { field: mongodb::bson::Bson::clone(&value) }].into_iter().flatten().collect();
        let refused = progress.insert_one(broken).await.unwrap_err();
        let ErrorKind::Write(WriteFailure::WriteError(error)) = *refused.kind else { panic!("{field}: {refused}") };
        assert_eq!(error.code, 121, "{field}: {error:?}");
    }
    let modules = database.collection::<Document>("modules");
    modules.insert_one(doc! { "_id": "gone", "status": "deleted", "version": 3_i64 }).await.unwrap();
    assert!(modules.insert_one(doc! { "_id": "half", "status": "published", "version": 1_i64 }).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_of_an_older_release_get_rules_and_stay_as_they_are() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let database = database(&world).await;
    let progress = database.collection::<Document>("progress");
    progress.insert_one(doc! { "_id": "ada/old", "user_id": "ada" }).await.unwrap();
    let store = MongoStore::open(world.mongodb_url().unwrap()).await.unwrap();
    store.generations(&[Namespace::Catalog]).await.unwrap();
    assert!(progress.insert_one(doc! { "_id": "ada/new", "user_id": "ada" }).await.is_err(), "the rules are there");
    let change = doc! { "$set": { "more": 1 } };
    progress.update_one(doc! { "_id": "ada/old" }, change).await.expect("what was there may stay as it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_set_rules_is_served_all_the_same() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let database = database(&world).await;
    database.create_collection("users").await.unwrap();
    const UNAUTHORIZED: i32 = 13;
    for command in ["collMod", "listCollections"] {
        let forbidden = doc! { "failCommands": [command], "errorCode": UNAUTHORIZED };
        if !order(&world, "alwaysOn", forbidden).await {
            return;
        }
        let mut options = ClientOptions::parse(world.mongodb_url().unwrap()).await.unwrap();
        options.app_name = Some(world.name.clone());
        kairos_origin::store::mongo::configure(&mut options);
        let store = MongoStore::with_options(options, &world.name).unwrap();
        let found = store.module(&Slug::new("none").unwrap()).await;
        end_order(&world).await;
        assert!(found.is_ok(), "{command}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_release_is_refused_in_one_line_and_left_alone() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let store = MongoStore::open(world.mongodb_url().unwrap()).await.unwrap();
    store.generations(&[Namespace::Catalog]).await.unwrap();
    let database = database(&world).await;
    let meta = database.collection::<Document>("meta");
    let noted = meta.find_one(doc! { "_id": "schema" }).await.unwrap();
    assert_eq!(noted, Some(doc! { "_id": "schema", "version": 1_i64 }));
    meta.update_one(doc! { "_id": "schema" }, doc! { "$set": { "version": 99_i64 } }).await.unwrap();
    database.collection::<Document>("progress").drop().await.unwrap();

    let url = world.mongodb_url().unwrap();
    let Some(said) = kairos_tests::program::run(&["serve", "--listen", "127.0.0.1:0", "--mongodb-url", url], &[]).await
    else {
        return;
    };
    assert_eq!((said.code, said.output.as_str(), said.errors.lines().count()), (Some(1), "", 1), "{said:?}");
    assert!(said.errors.contains("newer release"), "{said:?}");
    let names = database.list_collection_names().await.unwrap();
    assert!(!names.contains(&"progress".to_owned()), "nothing was made: {names:?}");
}
