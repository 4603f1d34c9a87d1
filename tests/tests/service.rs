//! The service itself: health, metrics, its description, and the program on the command line.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failed check fails the test")]

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use kairos_protocol::api::account::{Role, TokenGrant};
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use kairos_tests::in_every_world;
use kairos_tests::origin::{PASSWORD, Person, TestOrigin, draft};
use kairos_tests::reply::Reply;
use reqwest::Method;
use serde_json::{Value, json};

in_every_world! { it_is_ready_while_the_store_answers head_is_get_without_a_body }

async fn it_is_ready_while_the_store_answers(origin: TestOrigin) {
    for path in [paths::HEALTH_LIVE, paths::HEALTH_READY] {
        assert_eq!(origin.get(path).await.expect(200).header("cache-control"), Some("no-store"), "{path}");
    }
    let redis = if origin.world.redis_url().is_some() { "reached" } else { "not used" };
    assert_eq!(
        origin.get(paths::HEALTH_READY).await.ok::<Value>(),
        json!({ "status": "ready", "store": "reached", "redis": redis })
    );
    origin.store.break_down();
    // Whoever asks within a second of the last look is told what that showed: each is a write.
    let _ = origin.get(paths::HEALTH_READY).await.expect(200);
    origin.clock.advance_ms(1_000);
    let unready = origin.get(paths::HEALTH_READY).await;
    let problem = unready.problem(ProblemType::Unavailable);
    assert!(problem.detail.contains("database"), "{problem:?}");
    assert!(unready.header("retry-after").is_some());
    let _ = origin.get(paths::HEALTH_LIVE).await.expect(200);
    origin.store.repair();
    origin.clock.advance_ms(1_000);
    assert_eq!(origin.get(paths::HEALTH_READY).await.ok::<Value>()["status"], "ready");
    // With something to show it goes on without.
    let _ = origin.get(paths::MODULES).await.expect(200);
    origin.store.break_down();
    origin.clock.advance_ms(1_000);
    let degraded = json!({ "status": "degraded", "store": "not reached", "redis": redis });
    assert_eq!(origin.get(paths::HEALTH_READY).await.ok::<Value>(), degraded);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_status() {
    let origin = TestOrigin::builder().start().await.unwrap();
    let _ = origin.get("/v1/modules").await.expect(200);
    let _ = origin.get("/v1/modules/none").await.expect(404);
    let _ = origin.get("/nowhere/at/all").await.expect(404);
    let invented = Method::from_bytes(b"INVENTED").unwrap();
    let _ = origin.send(origin.request(invented, "/v1/modules")).await.expect(405);
    let metrics = origin.get(paths::METRICS).await.expect(200);
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain"));
    let lines: Vec<String> = metrics.text().lines().map(str::to_owned).collect();
    let has = |parts: &[&str]| lines.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(has(&["kairos_http_requests_total", "route=\"/v1/modules\"", "status=\"200\""]), "{lines:#?}");
    assert!(has(&["kairos_http_requests_total", "route=\"/v1/modules/{slug}\"", "status=\"404\""]), "{lines:#?}");
    assert!(has(&["kairos_http_request_seconds_bucket", "le=\"0.05\""]), "{lines:#?}");
    assert!(has(&["kairos_cache_requests_total", "policy=\"catalog-list\""]), "{lines:#?}");
    // Whoever makes up paths and methods makes no new series.
    assert!(!has(&["nowhere"]) && !has(&["INVENTED"]), "{lines:#?}");
}

#[tokio::test]
async fn every_response_has_an_id_and_no_cookie() {
    let origin = TestOrigin::builder().start().await.unwrap();
    let mut ids = BTreeSet::new();
    for path in [paths::MODULES, paths::HEALTH_LIVE, "/nowhere", paths::ME] {
        let reply = origin.get(path).await;
        assert!(ids.insert(reply.header("x-request-id").unwrap().to_owned()), "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(reply.header("set-cookie").is_none() && reply.header("server").is_none(), "{path}");
    }
}

async fn head_is_get_without_a_body(origin: TestOrigin) {
    let author = origin.author().await;
    origin.publish(&author, &["caching"]).await;
    for path in [paths::MODULES, "/v1/modules/caching", "/v1/modules/search?q=caching", paths::JWKS, paths::HEALTH_LIVE]
    {
        let (get, head) = (origin.get(path).await, origin.send(origin.request(Method::HEAD, path)).await);
        assert!(head.status == 200 && head.body.is_empty(), "{path}: {}", head.status);
        for name in ["content-type", "etag", "cache-control", "content-length"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}

/// Method and path of each operation.
type Operations = BTreeSet<(String, String)>;

async fn description(origin: &TestOrigin) -> Value {
    let reply = origin.get(paths::OPENAPI).await.expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    reply.json()
}

fn described(document: &Value) -> Operations {
    let paths = document["paths"].as_object().unwrap();
    let operations = |(path, item): (&String, &Value)| {
        let path = path.clone();
        let methods: Vec<String> = item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        methods.into_iter().map(move |method| (method, path.clone()))
    };
    paths.iter().flat_map(operations).collect()
}

/// The routes that `docs/PROTOCOL.md` lists.
fn documented() -> Operations {
    let lines = include_str!("../../docs/PROTOCOL.md").lines();
    let cells = lines.filter_map(|line| line.strip_prefix("| `")?.split_once("` |").map(|(cell, _)| cell));
    let routes = cells.filter_map(|cell| cell.split_once(' ')).filter(|(_, path)| path.starts_with('/'));
    routes.map(|(method, path)| (method.to_owned(), path.to_owned())).collect()
}

#[tokio::test]
async fn the_description_has_the_routes_that_there_are() {
    let origin = TestOrigin::builder().start().await.unwrap();
    let operations = described(&description(&origin).await);
    assert_eq!(operations, documented());
    let mut methods = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (method, path) in &operations {
        methods.entry(path).or_default().insert(method);
    }
    for (path, mut methods) in methods {
        if methods.contains("GET") {
            methods.insert("HEAD");
        }
        let method = Method::from_bytes(b"NONE").unwrap();
        let refused = origin.send(origin.request(method, &path.replace("{slug}", "a"))).await;
        let _ = refused.problem(ProblemType::MethodNotAllowed);
        let allowed: BTreeSet<&str> = refused.header("allow").unwrap().split(',').map(str::trim).collect();
        assert_eq!(allowed, methods, "{path}");
    }
}

#[tokio::test]
async fn the_description_has_the_parameters_and_problems_that_there_are() {
    let origin = TestOrigin::builder().start().await.unwrap();
    let document = description(&origin).await;
    let types: Vec<&str> = document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t.as_str().unwrap())
        .collect();
    assert_eq!(types, ProblemType::ALL.iter().map(|kind| kind.uri()).collect::<Vec<_>>());
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(get) = item.get("get") else { continue };
        let parameters = get.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
        let query = parameters.into_iter().filter(|parameter| parameter["in"] == "query");
        let mut names: Vec<String> = query.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        assert_eq!(names, paths::query_parameters(path), "{path}");
    }
}

/// Holds responses to what the description says of them.
struct Described(Value);

impl Described {
    fn schema(&self, path: &str, method: &str, status: &str) -> Validator {
        let responses = &self.0["paths"][path][method]["responses"];
        let mut response = responses.get(status).unwrap_or(&responses["default"]);
        if let Some(reference) = response.get("$ref") {
            response = self.0.pointer(reference.as_str().unwrap().trim_start_matches('#')).unwrap();
        }
        let (_, content) = response["content"]
            .as_object()
            .unwrap_or_else(|| panic!("{method} {path} {status}"))
            .iter()
            .next()
            .unwrap();
        let mut schema = content["schema"].clone();
        schema["components"] = self.0["components"].clone();
        jsonschema::draft202012::new(&schema).unwrap()
    }

    fn check(&self, path: &str, method: &str, reply: &Reply) {
        let schema = self.schema(path, method, &reply.status.to_string());
        let body: Value = reply.json();
        let errors: Vec<String> = schema.iter_errors(&body).map(|e| format!("{} {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{method} {path} {}: {errors:#?}\n{body:#}", reply.status);
    }
}

async fn check_cache_routes(described: &Described, origin: &TestOrigin) {
    let admin = origin.person("admin", &[Role::Admin]).await;
    let purge = json!({ "module": "caching" });
    let purged = origin.send_as(&admin, Method::POST, paths::ADMIN_CACHE_PURGE, &purge).await.expect(200);
    described.check(paths::ADMIN_CACHE_PURGE, "post", &purged);
    let _ = origin.get("/v1/modules/vary").await.expect(200);
    let report = origin.get_as(&admin, &format!("{}?path=/v1/modules/vary", paths::ADMIN_CACHE)).await.expect(200);
    described.check(paths::ADMIN_CACHE, "get", &report);
}

#[tokio::test]
async fn responses_are_as_described() {
    let origin = TestOrigin::builder().start().await.unwrap();
    let described = Described(description(&origin).await);
    // The check itself sees what does not fit.
    assert!(!described.schema("/v1/me", "get", "200").is_valid(&json!({ "id": "a" })));

    let registering = json!({ "email": "ada@example.org", "display_name": "Ada", "password": PASSWORD });
    let registered = origin.post(paths::REGISTER, &registering).await.expect(201);
    let grant: TokenGrant = registered.json();
    let ada = Person { id: grant.profile.id, email: grant.profile.email, token: grant.access_token };
    described.check(paths::REGISTER, "post", &registered);
    described.check(paths::REGISTER, "post", &origin.post(paths::REGISTER, &registering).await.expect(409));
    described.check(paths::REGISTER, "post", &origin.post(paths::REGISTER, &json!({})).await.expect(422));
    let login = json!({ "email": "ada@example.org", "password": PASSWORD });
    described.check(paths::LOGIN, "post", &origin.post(paths::LOGIN, &login).await.expect(200));
    let refresh = json!({ "refresh_token": grant.refresh_token });
    described.check(paths::REFRESH, "post", &origin.post(paths::REFRESH, &refresh).await.expect(200));

    let author = origin.author().await;
    let created = origin.send_as(&author, Method::POST, paths::MODULES, &draft("caching")).await.expect(201);
    described.check(paths::MODULES, "post", &created);
    let mut replacement = draft("caching");
    replacement["version"] = json!(1);
    let replaced = origin.send_as(&author, Method::PUT, "/v1/modules/caching", &replacement).await.expect(200);
    described.check("/v1/modules/{slug}", "put", &replaced);
    origin.publish(&author, &["vary"]).await;
    let refused = origin.send_as(&ada, Method::POST, paths::MODULES, &draft("x")).await.expect(403);
    described.check(paths::MODULES, "post", &refused);

    let operation = |id: &str, action: Value| json!({ "id": id, "module": "caching", "at_ms": 5, "action": action });
    let batch = json!({ "operations": [
        operation("a", json!({ "kind": "open" })), operation("b", json!({ "kind": "study", "seconds": 5 })),
        operation("c", json!({ "kind": "submit", "score": 77 })), operation("d", json!({ "kind": "submit" })),
        operation("e", json!({ "kind": "complete" })), operation("a", json!({ "kind": "open" })), json!(5),
    ] });
    let applied = origin.send_as(&ada, Method::POST, paths::OPERATIONS, &batch).await.expect(200);
    described.check(paths::OPERATIONS, "post", &applied);

    let asked = origin.send_as(&ada, Method::POST, paths::TUTOR_ANSWERS, &json!({ "question": "caching?" })).await;
    check_cache_routes(&described, &origin).await;
    described.check(paths::TUTOR_ANSWERS, "post", &asked.expect(200));
    for (path, query) in [
        (paths::MODULES, "?limit=1"),
        (paths::MODULES_SEARCH, "?q=caching"),
        (paths::ME, ""),
        (paths::PROGRESS, ""),
        (paths::STATISTICS, ""),
        (paths::HISTORY, "?limit=2"),
        (paths::HEALTH_LIVE, ""),
        (paths::HEALTH_READY, ""),
        (paths::JWKS, ""),
        (paths::OPENAPI, ""),
    ] {
        described.check(path, "get", &origin.get_as(&ada, &format!("{path}{query}")).await.expect(200));
    }
    described.check("/v1/modules/{slug}", "get", &origin.get("/v1/modules/caching").await.expect(200));
    described.check("/v1/modules/{slug}", "get", &origin.get("/v1/modules/none").await.expect(404));
    described.check(paths::MODULES, "get", &origin.get("/v1/modules?limit=0").await.expect(400));
}

/// A draft with some fields changed; `"absent"` takes one away.
fn changed(change: &Value) -> Value {
    let mut body = draft("new");
    for (field, value) in change.as_object().unwrap() {
        match value {
            Value::String(text) if text == "absent" => drop(body.as_object_mut().unwrap().remove(field)),
            value => body[field.as_str()] = value.clone(),
        }
    }
    body
}

/// What is changed in a good module, and whether it is good after that.
fn module_changes() -> Vec<(Value, bool)> {
    let letters = |count: usize| "x".repeat(count);
    vec![
        (json!({}), true),
        (json!({ "version": 1 }), false),
        (json!({ "version": null }), false),
        (json!({ "position": 85.0, "duration_minutes": 5.0 }), true),
        (json!({ "position": 8.5 }), false),
        (json!({ "position": -1.0 }), false),
        (json!({ "position": null }), false),
        (json!({ "position": 4_294_967_296_u64 }), false),
        (json!({ "duration_minutes": 100_001 }), false),
        (json!({ "language": "en-GB-oxendict" }), true),
        (json!({ "language": letters(8) }), true),
        (json!({ "language": letters(9) }), false),
        (json!({ "language": "0".repeat(34) }), false),
        (json!({ "language": format!("{}-x", [letters(8), letters(8), letters(8), letters(8)].join("-")) }), false),
        (json!({ "language": "#m" }), false),
        (json!({ "slug": "search" }), false),
        (json!({ "slug": "search-more" }), true),
        (json!({ "title": " x" }), false),
        (json!({ "title": "x\u{3000}" }), false),
        (json!({ "title": "x\n y" }), true),
        (json!({ "title": letters(201) }), false),
        (json!({ "title": "é".repeat(200) }), true),
        (json!({ "subject": "\u{85}" }), false),
        (json!({ "tags": ["a", " b"] }), false),
        (json!({ "tags": vec!["t"; 21] }), false),
        (json!({ "summary": letters(1_001) }), false),
        (json!({ "content": letters(512 * 1024 + 1) }), false),
        (json!({ "difficulty": "hard" }), false),
        (json!({ "status": "deleted" }), false),
        (json!({ "title": "absent" }), false),
        (json!({ "more": 1 }), false),
    ]
}

#[tokio::test]
async fn the_description_and_the_service_take_the_same_modules() {
    let origin = TestOrigin::builder().start().await.unwrap();
    let author = origin.author().await;
    let document = description(&origin).await;
    let validator = |name: &str| {
        let schema = json!({ "$ref": format!("#/components/schemas/{name}"), "components": document["components"] });
        jsonschema::draft202012::new(&schema).unwrap()
    };
    let (new, replacement) = (validator("NewModule"), validator("ModuleReplacement"));
    for (number, (change, is_good)) in module_changes().iter().enumerate() {
        let shown: String = change.to_string().chars().take(80).collect();
        let mut body = changed(change);
        if body["slug"] == "new" {
            body["slug"] = json!(format!("new-{number}"));
        }
        assert_eq!(new.is_valid(&body), *is_good, "described: {shown}");
        let created = origin.send_as(&author, Method::POST, paths::MODULES, &body).await;
        assert_eq!(created.status == 201, *is_good, "served: {shown}: {}", created.text());
    }
    for (version, is_good) in [
        (json!(1), true),
        (json!(2.0), true),
        (json!("absent"), false),
        (json!(null), false),
        (json!(0), false),
        (json!(1.5), false),
        (json!("3"), false),
    ] {
        let body = changed(&json!({ "slug": "new-0", "version": version }));
        assert_eq!(replacement.is_valid(&body), is_good, "described: {version}");
        let replaced = origin.send_as(&author, Method::PUT, "/v1/modules/new-0", &body).await;
        assert_eq!(replaced.status == 200, is_good, "served: {version}: {}", replaced.text());
    }
}

/// Path, parameter, value, and whether it is to be taken.
type QueryCase = (&'static str, &'static str, String, bool);

fn query_cases() -> Vec<QueryCase> {
    let texts = [
        (paths::MODULES, "cursor", "", false),
        (paths::MODULES, "cursor", "a=b", false),
        (paths::MODULES, "subject", "", false),
        (paths::MODULES, "subject", "  ", false),
        (paths::MODULES, "subject", " x ", true),
        (paths::MODULES, "subject", "a\0b", false),
        (paths::MODULES, "tag", "\u{3000}", false),
        (paths::MODULES, "tag", "HTTP & more", true),
        (paths::MODULES, "difficulty", "advanced", true),
        (paths::MODULES, "difficulty", "Advanced", false),
        (paths::MODULES, "difficulty", "", false),
        (paths::MODULES, "limit", "1", true),
        (paths::MODULES, "limit", "0", false),
        (paths::MODULES, "limit", "-1", false),
        (paths::MODULES, "limit", "1.5", false),
        (paths::MODULES, "limit", "ten", false),
        (paths::MODULES, "limit", "", false),
        (paths::MODULES_SEARCH, "q", "\t", false),
        (paths::MODULES_SEARCH, "q", "é", true),
    ];
    let texts = texts.map(|(path, name, value, is_good)| (path, name, value.to_owned(), is_good));
    // The longest and the one after it, in characters.
    let long = [(paths::MODULES, "subject", 100), (paths::MODULES, "tag", 50), (paths::MODULES_SEARCH, "q", 200)];
    let long = long.into_iter().flat_map(|(path, name, most)| {
        [(most, true), (most + 1, false)].map(|(length, is_good)| (path, name, "é".repeat(length), is_good))
    });
    let limits = [(100, true), (101, false)].map(|(n, is_good)| (paths::MODULES, "limit", n.to_string(), is_good));
    texts.into_iter().chain(long).chain(limits).collect()
}

#[tokio::test]
async fn the_description_and_the_service_take_the_same_queries() {
    let origin = TestOrigin::builder().start().await.unwrap();
    let document = description(&origin).await;
    for (path, name, value, is_good) in query_cases() {
        let mut parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap().iter();
        let mut schema = parameters.find(|parameter| parameter["name"] == name).unwrap()["schema"].clone();
        schema["components"] = document["components"].clone();
        // A number is written as JSON writes it.
        let number = (schema["type"] == "integer").then(|| serde_json::from_str::<serde_json::Number>(&value).ok());
        let shown = number.flatten().map_or_else(|| json!(value), Value::Number);
        let described = jsonschema::draft202012::new(&schema).unwrap().is_valid(&shown);
        let encoded: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let served = origin.get(&format!("{path}?{name}={encoded}")).await;
        assert_eq!((described, served.status == 200), (is_good, is_good), "{name}={value:?}: {}", served.text());
    }
}
