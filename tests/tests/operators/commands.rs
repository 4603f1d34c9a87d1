//! Each command that the service sends is of a shape that is named in one list, whatever is asked of it (row Q5), and no list takes
//! more than one (row Q4). What was sent is what MongoDB's own profiler wrote down.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::TryStreamExt;
use kairos_origin::auth::keys::{Keys, Start};
use kairos_origin::environment::Environment;
use kairos_origin::store::mongo::shapes;
use kairos_origin::store::{AccountStore, CatalogStore, GenerationStore, ProgressStore};
use kairos_protocol::api::account::{Role, TokenGrant};
use kairos_protocol::api::catalog::{Difficulty, Module, ModuleDraft, Publication};
use kairos_protocol::api::ids::{OperationId, Slug};
use kairos_protocol::api::paths;
use kairos_protocol::sync::generation::Namespace;
use kairos_tests::breakable::Breakable;
use kairos_tests::origin::{PASSWORD, Person, TestOrigin, draft};
use kairos_tests::reply::Reply;
use kairos_tests::world::StoreKind;
use mongodb::Database;
use mongodb::bson::{Document, doc};
use reqwest::Method;
use serde_json::{Value, json};

async fn profiled(origin: &TestOrigin) -> Database {
    let client = mongodb::Client::with_uri_str(origin.world.mongodb_url().unwrap()).await.unwrap();
    let database = client.database(&origin.world.name);
    // Large enough for all of it: it is a ring.
    database.run_command(doc! { "create": "system.profile", "capped": true, "size": 64 << 20 }).await.unwrap();
    database.run_command(doc! { "profile": 2 }).await.unwrap();
    database
}

/// What was sent since the profiler was turned on, and turns it off.
async fn sent(database: &Database) -> Vec<Document> {
    database.run_command(doc! { "profile": 0 }).await.unwrap();
    let profile = database.collection::<Document>("system.profile");
    profile.find(doc! { "ns": { "$not": { "$regex": "system" } } }).await.unwrap().try_collect().await.unwrap()
}

/// Requests that are noted by their route as the API's description calls it.
struct Caller<'o> {
    origin: &'o TestOrigin,
    called: BTreeSet<String>,
}

impl Caller<'_> {
    async fn call(&mut self, who: Option<&Person>, route: &str, path: &str, body: Option<Value>) -> Reply {
        let (method, _) = route.split_once(' ').unwrap();
        let mut request = self.origin.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
        if let Some(person) = who {
            request = request.bearer_auth(&person.token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.called.insert(route.to_owned());
        self.origin.send(request).await
    }
}

fn module(name: &str, content: &str) -> Module {
    let draft = ModuleDraft {
        slug: Slug::new(name).unwrap(),
        title: format!("About {name}"),
        subject: "Caching".to_owned(),
        position: 0,
        difficulty: Difficulty::Beginner,
        tags: vec!["http".to_owned()],
        language: "en".to_owned(),
        summary: "Some words. ".repeat(40),
        content: content.to_owned(),
        duration_minutes: 5,
        status: Publication::Published,
        version: None,
    };
    draft.into_module(1_790_000_000_000)
}

async fn call_the_whole_api(caller: &mut Caller<'_>) {
    let origin = caller.origin;
    let author = origin.author().await;
    for slug in ["one", "two", "three"] {
        let _ = caller.call(Some(&author), "POST /v1/modules", paths::MODULES, Some(draft(slug))).await.expect(201);
    }
    let one = "/v1/modules/one";
    let mut changed = draft("one");
    changed["version"] = json!(1);
    let _ = caller.call(Some(&author), "PUT /v1/modules/{slug}", one, Some(changed)).await.expect(200);
    let list = "GET /v1/modules";
    let filters = ["", "&subject=HTTP", "&difficulty=beginner", "&tag=http", "&tag=http&difficulty=beginner"];
    for filter in filters {
        let page = caller.call(None, list, &format!("/v1/modules?limit=1{filter}"), None).await.expect(200);
        let page: Value = page.json();
        let next = page["next_cursor"].as_str().unwrap();
        let _ = caller.call(None, list, &format!("/v1/modules?limit=1{filter}&cursor={next}"), None).await.expect(200);
    }
    let _ = caller.call(None, "GET /v1/modules/search", "/v1/modules/search?q=text", None).await.expect(200);
    let _ = caller.call(None, "GET /v1/modules/{slug}", one, None).await.expect(200);

    let person = json!({ "email": "eve@example.org", "display_name": "Eve", "password": PASSWORD });
    let _ = caller.call(None, "POST /v1/auth/register", paths::REGISTER, Some(person)).await.expect(201);
    let person = json!({ "email": "eve@example.org", "password": PASSWORD });
    let grant = caller.call(None, "POST /v1/auth/login", paths::LOGIN, Some(person)).await.expect(200);
    let grant: TokenGrant = grant.json();
    let eve = Person { id: grant.profile.id, email: "eve@example.org".to_owned(), token: grant.access_token };
    let admin = origin.person("admin", &[Role::Admin]).await;
    let _ = caller.call(Some(&admin), "GET /v1/admin/cache", paths::ADMIN_CACHE, None).await.expect(200);
    let purge = Some(json!({ "tag": "catalog" }));
    let purged = caller.call(Some(&admin), "POST /v1/admin/cache/purge", paths::ADMIN_CACHE_PURGE, purge).await;
    let _ = purged.expect(200);
    let token = json!({ "refresh_token": grant.refresh_token });
    let grant = caller.call(None, "POST /v1/auth/refresh", paths::REFRESH, Some(token.clone())).await.expect(200);
    let grant: TokenGrant = grant.json();
    let _ = caller.call(Some(&eve), "GET /v1/me", paths::ME, None).await.expect(200);
    let study = |n: i64, module: &str| json!({ "id": format!("operation-{n}"), "module": module, "at_ms": 1_760_000_000_000_i64 + n, "action": { "kind": "study", "seconds": 60 } });
    for operations in [json!([study(1, "one"), study(2, "two")]), json!([study(1, "one"), study(3, "one")])] {
        let body = json!({ "operations": operations });
        let _ = caller.call(Some(&eve), "POST /v1/me/operations", paths::OPERATIONS, Some(body)).await.expect(200);
    }
    // Its head is all that is waited for: a stream has no end.
    let stream = origin.request(Method::GET, paths::EVENTS).bearer_auth(&eve.token).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    caller.called.insert("GET /v1/events".to_owned());
    for (route, path) in [("GET /v1/me/progress", paths::PROGRESS), ("GET /v1/me/history", paths::HISTORY)] {
        let page: Value = caller.call(Some(&eve), route, &format!("{path}?limit=1"), None).await.expect(200).json();
        let next = page["next_cursor"].as_str().unwrap();
        let _ = caller.call(Some(&eve), route, &format!("{path}?limit=1&cursor={next}"), None).await.expect(200);
    }
    let _ = caller.call(Some(&eve), "GET /v1/me/progress/stats", paths::STATISTICS, None).await.expect(200);
    let question = json!({ "question": "What is text?" });
    let _ = caller.call(Some(&eve), "POST /v1/tutor/answers", paths::TUTOR_ANSWERS, Some(question)).await.expect(200);
    let token = json!({ "refresh_token": grant.refresh_token });
    let _ = caller.call(Some(&eve), "POST /v1/auth/logout", paths::LOGOUT, Some(token)).await;
    let _ = caller.call(Some(&author), "DELETE /v1/modules/{slug}", one, None).await;
    for path in ["/.well-known/jwks.json", "/health/live", "/health/ready", "/metrics", "/openapi.json"] {
        let _ = caller.call(None, &format!("GET {path}"), path, None).await.expect(200);
    }
}

/// What the command line asks for, and what the API asks for only now and then.
async fn call_the_rest(origin: &TestOrigin) {
    let (store, now) = (&origin.store, 1_790_000_000_000);
    store.import_modules(&[module("imported", "Text."), module("two", "Text.")], now).await.unwrap();
    let account = origin.accounts.new_account("eve@example.org", "Eve", PASSWORD.to_owned(), vec![Role::Learner]).await;
    let user = store.put_account(&account.unwrap(), now).await.unwrap().value;
    store.known_among(&user, &[OperationId::new("operation-1").unwrap()]).await.unwrap();
    store.generations(&[Namespace::Catalog]).await.unwrap();
    store.confirmed_generations(&[Namespace::Catalog]).await.unwrap();
    let keys = Keys::new(Arc::<Breakable>::clone(store), Environment::system());
    keys.rotate(Start::WhenKnown).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_is_of_a_shape_that_is_listed() {
    let Some(origin) = TestOrigin::builder().with_store(StoreKind::Mongo).start().await else { return };
    let database = profiled(&origin).await;
    // An instance that starts asks for the key.
    let sibling = origin.sibling().await;
    let mut caller = Caller { origin: &sibling, called: BTreeSet::new() };
    call_the_whole_api(&mut caller).await;
    call_the_rest(&sibling).await;

    let api: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let route = format!("{} {path}", method.to_uppercase());
            assert!(caller.called.contains(&route), "{route} is not called by this test");
        }
    }
    let (sent, mut seen) = (sent(&database).await, BTreeSet::new());
    for one in &sent {
        let command = one.get_document("command").unwrap();
        let name = command.keys().next().map(String::as_str).unwrap_or_default();
        // Commands that look nothing up among documents.
        if ["insert", "create", "createIndexes", "collMod", "listCollections", "profile", "abortTransaction"]
            .contains(&name)
        {
            continue;
        }
        // The profiler tells an update or a delete by its one statement, with the comment beside.
        let shape = command.get_str("comment").unwrap_or_else(|_| panic!("without a shape: {one}"));
        let listed = shapes::ALL.iter().find(|listed| listed.name == shape);
        let listed = listed.unwrap_or_else(|| panic!("{shape} is not listed: {one}"));
        assert!(one.get_str("ns").unwrap().ends_with(&format!(".{}", listed.collection)), "{one}");
        // Row Q4, for all of them.
        assert_ne!(one.get_str("op"), Ok("getmore"), "{one}");
        seen.insert(listed.name);
    }
    let listed: BTreeSet<_> = shapes::ALL.iter().map(|shape| shape.name).collect();
    assert_eq!(seen, listed, "what is listed is sent, and the other way round");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_page_of_large_modules_is_one_command() {
    let Some(origin) = TestOrigin::builder().with_store(StoreKind::Mongo).start().await else { return };
    let content = "A long text about caches. ".repeat(8_000);
    let names: Vec<String> = (0..120).map(|n| format!("m{n:03}")).collect();
    for some in names.chunks(20) {
        let some: Vec<_> = some.iter().map(|name| module(name, &content)).collect();
        origin.store.import_modules(&some, 1_790_000_000_000).await.unwrap();
    }
    let learner = origin.learner("ada").await;
    let done = |some: &[String]| -> Vec<Value> {
        let open = |name: &String| json!({ "id": format!("open-{name}"), "module": name, "at_ms": 1_760_000_000_000_i64, "action": { "kind": "open" } });
        some.iter().map(open).collect()
    };
    for some in names.chunks(100) {
        let body = json!({ "operations": done(some) });
        let _ = origin.send_as(&learner, Method::POST, paths::OPERATIONS, &body).await.expect(200);
    }
    let database = profiled(&origin).await;
    let lists = [
        ("modules.list", "/v1/modules?limit=100", "items"),
        ("modules.search", "/v1/modules/search?q=caches", "items"),
        ("progress.list", "/v1/me/progress?limit=100", "items"),
        ("history.list", "/v1/me/history?limit=100", "items"),
    ];
    for (shape, path, _) in lists {
        let reply = origin.get_as(&learner, path).await.expect(200);
        println!("{shape}: {} bytes", reply.body.len());
    }
    let sent = sent(&database).await;
    for (shape, ..) in lists {
        let of_shape = |one: &&Document| {
            one.get_document("command").is_ok_and(|command| command.get_str("comment") == Ok(shape))
                || one.get_document("originatingCommand").is_ok_and(|command| command.get_str("comment") == Ok(shape))
        };
        let commands: Vec<_> = sent.iter().filter(of_shape).collect();
        assert_eq!(commands.len(), 1, "{shape}: {commands:?}");
        assert!(commands.iter().all(|one| one.get_i32("nreturned").unwrap() >= 50), "{commands:?}");
        assert!(commands.iter().all(|one| one.get_bool("cursorExhausted") == Ok(true)), "{commands:?}");
    }
}
