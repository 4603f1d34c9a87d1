//! What no honest client sends: each gets a problem of a stable type with the right status, and leaves nothing half done. Which values
//! fields may have is in the tests of their routes; tokens are in `forged_tokens.rs`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed check fails the test")]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kairos_origin::store::AccountStore;
use kairos_protocol::api::catalog::ModuleSummary;
use kairos_protocol::api::operation::OperationResults;
use kairos_protocol::api::page::Page;
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::{Problem, ProblemType as P};
use kairos_protocol::api::progress::Statistics;
use kairos_tests::origin::{Person, TestOrigin, draft};
use reqwest::Method;
use serde_json::{Value, json};

/// An origin with one module, an author and a learner.
struct Scene {
    origin: TestOrigin,
    author: Person,
    ada: Person,
}

impl Scene {
    async fn new() -> Self {
        let origin = TestOrigin::builder().start().await.unwrap();
        let author = origin.author().await;
        origin.publish(&author, &["caching"]).await;
        let ada = origin.learner("ada").await;
        Self { origin, author, ada }
    }

    /// Nothing was added or changed: one module in its first version, a learner without operations, two accounts.
    async fn check_untouched(&self) {
        let modules: Page<ModuleSummary> = self.origin.get(paths::MODULES).await.ok();
        assert_eq!(modules.items.len(), 1);
        assert_eq!(self.origin.get("/v1/modules/caching").await.ok::<Value>()["version"], 1);
        assert_eq!(self.origin.get_as(&self.ada, paths::STATISTICS).await.ok::<Statistics>(), Statistics::default());
        let stranger = self.origin.store.account_by_email("eve@example.org").await.unwrap();
        assert!(stranger.is_none());
    }
}

const EVE: &str = r#"{"email":"eve@example.org","display_name":"Eve","password":"long enough"}"#;

/// The same request without a length.
fn chunked(path: &str, token: &str, body: &str) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    for chunk in body.as_bytes().chunks(16_000) {
        request.push_str(&format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)));
    }
    request.push_str("0\r\n\r\n");
    request.into_bytes()
}

/// Path, body and what is wrong with it.
type Case = (&'static str, String, P);

/// Deeper than any parser should go.
fn deep() -> String {
    format!("{}{}", "[".repeat(20_000), "]".repeat(20_000))
}

fn account_bodies() -> Vec<Case> {
    vec![
        (paths::REGISTER, String::new(), P::MalformedJson),
        (paths::REGISTER, "{".to_owned(), P::MalformedJson),
        (paths::REGISTER, "[[[[".to_owned(), P::MalformedJson),
        (paths::REGISTER, EVE.replace("\"Eve\"", "1e400"), P::InvalidBody),
        (paths::REGISTER, EVE.replace("Eve", "\\ud800"), P::InvalidBody),
        (paths::REGISTER, "nonsense".to_owned(), P::MalformedJson),
        (paths::REGISTER, format!("{EVE} x"), P::MalformedJson),
        (paths::REGISTER, EVE.replace(':', "="), P::MalformedJson),
        (paths::REGISTER, deep(), P::InvalidBody),
        (paths::REGISTER, "null".to_owned(), P::InvalidBody),
        (paths::REGISTER, "[1,2,3]".to_owned(), P::InvalidBody),
        (paths::REGISTER, r#"["eve@example.org","Eve","long enough"]"#.to_owned(), P::InvalidBody),
        (paths::REGISTER, "{}".to_owned(), P::InvalidBody),
        (paths::REGISTER, EVE.replace("\"Eve\"", "5"), P::InvalidBody),
        (paths::REGISTER, EVE.replace("\"Eve\"", "null"), P::InvalidBody),
        (paths::REGISTER, EVE.replace('}', r#","roles":["admin"]}"#), P::InvalidBody),
        (paths::REGISTER, EVE.replace('}', r#","email":"x@example.org"}"#), P::InvalidBody),
        (paths::LOGIN, r#"{"email":"ada@example.org"}"#.to_owned(), P::InvalidBody),
        (paths::LOGIN, r#"{"email":"ada@example.org","password":{"$ne":""}}"#.to_owned(), P::InvalidBody),
        (paths::REFRESH, r#"{"refresh_token":null}"#.to_owned(), P::InvalidBody),
        (paths::LOGOUT, "{}".to_owned(), P::InvalidBody),
        (paths::REGISTER, EVE.replace("Eve", &"e".repeat(70_000)), P::BodyTooLarge),
    ]
}

fn module_bodies() -> Vec<Case> {
    let with = |key: &str, value: Value| {
        let mut body = draft("new");
        body[key] = value;
        body.to_string()
    };
    let without = |key: &str| {
        let mut body = draft("new");
        body.as_object_mut().unwrap().remove(key);
        body.to_string()
    };
    vec![
        (paths::MODULES, draft("new").to_string().replace('}', ""), P::MalformedJson),
        (paths::MODULES, without("title"), P::InvalidBody),
        (paths::MODULES, with("more", json!(1)), P::InvalidBody),
        (paths::MODULES, with("slug", json!("Upper Case")), P::InvalidBody),
        (paths::MODULES, with("slug", json!("search")), P::InvalidBody),
        (paths::MODULES, with("difficulty", json!("hard")), P::InvalidBody),
        (paths::MODULES, with("position", json!(-1)), P::InvalidBody),
        (paths::MODULES, with("position", json!(4_294_967_296_u64)), P::InvalidBody),
        (paths::MODULES, with("version", json!(1)), P::InvalidFields),
        (paths::MODULES, with("version", json!(null)), P::InvalidBody),
        (paths::MODULES, with("position", json!(8.5)), P::InvalidBody),
        (paths::MODULES, with("language", json!("0".repeat(34))), P::InvalidFields),
        (paths::MODULES, with("title", json!("")), P::InvalidFields),
        (paths::MODULES, with("title", json!(format!("a{}", " ".repeat(1_000)))), P::InvalidFields),
        (paths::MODULES, with("subject", json!(" Caching")), P::InvalidFields),
        (paths::MODULES, with("tags", json!([" "])), P::InvalidFields),
        (paths::MODULES, with("tags", json!(vec!["t"; 21])), P::InvalidFields),
        (paths::MODULES, with("language", json!("not a tag")), P::InvalidFields),
        (paths::MODULES, with("content", json!("x".repeat(512 * 1024 + 1))), P::InvalidFields),
        (paths::MODULES, with("content", json!("x".repeat(3 << 20))), P::BodyTooLarge),
    ]
}

fn operation_bodies() -> Vec<Case> {
    let operations = |text: &str| format!(r#"{{"operations":{text}}}"#);
    vec![
        (paths::OPERATIONS, "{}".to_owned(), P::InvalidBody),
        (paths::OPERATIONS, operations("{}"), P::InvalidBody),
        (paths::OPERATIONS, operations("[]"), P::InvalidFields),
        (paths::OPERATIONS, operations("[{},"), P::MalformedJson),
        (paths::OPERATIONS, operations(&deep().replace(']', "")), P::MalformedJson),
        (paths::OPERATIONS, operations(&format!("[\"{}\"]", "x".repeat(70_000))), P::BodyTooLarge),
    ]
}

#[tokio::test]
async fn bodies() {
    let scene = Scene::new().await;
    let cases = [account_bodies(), module_bodies(), operation_bodies()].concat();
    for (path, body, expected) in cases {
        let person = if path == paths::OPERATIONS { &scene.ada } else { &scene.author };
        let shown: String = body.chars().take(80).collect();
        let request = || scene.origin.request(Method::POST, path).bearer_auth(&person.token);
        let request = || request().header("content-type", "application/json");
        let reply = scene.origin.send(request().body(body.clone())).await;
        println!("{path} {shown}: {}", reply.text());
        let problem = reply.problem(expected);
        assert!(!reply.text().contains("long enough"), "a password in {problem:?}");
        let response = scene.origin.send_raw(&chunked(path, &person.token, &body)).await;
        let starts = format!("HTTP/1.1 {} ", expected.status());
        assert!(response.starts_with(&starts) && response.contains(expected.uri()), "chunked: {response}");
    }
    scene.check_untouched().await;
}

#[tokio::test]
async fn an_operation_that_no_parser_takes_holds_up_no_other() {
    let scene = Scene::new().await;
    let operation = |id: &str, at_ms: &str, action: &str| {
        format!(r#"{{"id":"{id}","module":"caching","at_ms":{at_ms},"action":{action}}}"#)
    };
    let open = r#"{"kind":"open"}"#;
    let cases = [
        (operation("good", "1", open), Some("good"), "applied"),
        (operation("large", "1e400", open), Some("large"), "rejected"),
        (operation("half", "1", open).replace("caching", "\\ud800"), Some("half"), "rejected"),
        (operation("deep", "1", &deep()), Some("deep"), "rejected"),
        (operation("s", "1", r#"{"kind":"study","seconds":1,"seconds":60}"#), Some("s"), "rejected"),
        (
            operation("a", "1", open).replace("\"action\"", r#""action":{"kind":"complete"},"action""#),
            Some("a"),
            "rejected",
        ),
        (operation("i", "1", open).replace("\"module\"", r#""id":"j","module""#), None, "rejected"),
        (operation("good", "1", open), Some("good"), "duplicate"),
    ];
    let batch = cases.iter().map(|(text, ..)| text.as_str()).collect::<Vec<_>>().join(",");
    let request = scene.origin.request(Method::POST, paths::OPERATIONS).bearer_auth(&scene.ada.token);
    let request = request.header("content-type", "application/json").body(format!(r#"{{"operations":[{batch}]}}"#));
    let response: Value = scene.origin.send(request).await.ok();
    for ((text, id, outcome), result) in cases.iter().zip(response["results"].as_array().unwrap()) {
        let shown: String = text.chars().take(80).collect();
        assert_eq!((result["id"].as_str(), result["outcome"].as_str()), (*id, Some(*outcome)), "{shown}: {result}");
    }
    let statistics: Statistics = scene.origin.get_as(&scene.ada, paths::STATISTICS).await.ok();
    assert_eq!((statistics.modules, statistics.time_spent_secs, statistics.completed), (1, 0, 0));
}

#[tokio::test]
async fn invalid_utf8_and_content_types() {
    let scene = Scene::new().await;
    let request = |kind: Option<&str>, body: Vec<u8>| {
        let request = scene.origin.request(Method::POST, paths::REGISTER).body(body);
        scene.origin.send(match kind {
            Some(kind) => request.header("content-type", kind),
            None => request,
        })
    };
    let broken = [&EVE.as_bytes()[..12], &[0xff, 0xfe], &EVE.as_bytes()[12..]].concat();
    let _ = request(Some("application/json"), broken).await.problem(P::MalformedJson);
    for kind in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonx"), Some("json")]
    {
        let reply = request(kind, EVE.as_bytes().to_vec()).await;
        let _ = reply.problem(P::UnsupportedMediaType);
    }
    scene.check_untouched().await;
    for kind in ["application/json; charset=utf-8", "APPLICATION/JSON"] {
        let body = EVE.replace("eve@", &format!("eve{}@", kind.len()));
        let _ = request(Some(kind), body.into_bytes()).await.expect(201);
    }
}

#[tokio::test]
async fn queries() {
    let scene = Scene::new().await;
    let long = "x".repeat(300);
    let cases = [
        ("/v1/modules?limit=0", "limit"),
        ("/v1/modules?limit=-1", "limit"),
        ("/v1/modules?limit=101", "limit"),
        ("/v1/modules?limit=abc", "limit"),
        ("/v1/modules?limit=", "limit"),
        ("/v1/modules?limit=1.5", "limit"),
        ("/v1/modules?limit=%2B5", "limit"),
        ("/v1/modules?limit=99999999999999999999", "limit"),
        ("/v1/modules?limit=5&limit=5", "limit"),
        ("/v1/modules?limit=5&%6cimit=6", "limit"),
        ("/v1/modules?page=2", "page"),
        ("/v1/modules?Limit=5", "Limit"),
        ("/v1/modules?subject=", "subject"),
        ("/v1/modules?difficulty=hard", "difficulty"),
        ("/v1/modules?difficulty=Beginner", "difficulty"),
        ("/v1/modules?tag=%ff", "tag"),
        ("/v1/modules?tag=a%00b", "tag"),
        ("/v1/modules?tag[$ne]=1", "tag[$ne]"),
        ("/v1/modules?cursor=a&cursor=b", "cursor"),
        ("/v1/modules/caching?x=1", "x"),
        ("/v1/modules/search", "q"),
        ("/v1/modules/search?q=", "q"),
        ("/v1/modules/search?q=%20%20", "q"),
        ("/v1/modules/search?q=a&q=b", "q"),
        ("/v1/modules/search?q=a&cursor=x", "cursor"),
        ("/v1/modules/search?q=a&limit=101", "limit"),
        ("/v1/me?x=1", "x"),
        ("/v1/me/progress?limit=0", "limit"),
        ("/v1/me/progress?subject=a", "subject"),
        ("/v1/me/progress/stats?limit=5", "limit"),
        ("/v1/me/history?limit=101", "limit"),
        ("/.well-known/jwks.json?x=1", "x"),
    ];
    let too_long = format!("/v1/modules/search?q={long}");
    for (path, field) in cases.into_iter().chain([(too_long.as_str(), "q")]) {
        let reply = scene.origin.get_as(&scene.ada, path).await;
        println!("{path}: {}", reply.text());
        assert_eq!(reply.problem(P::InvalidQuery).errors[0].field, field, "{path}");
    }
}

#[tokio::test]
async fn cursors() {
    let scene = Scene::new().await;
    scene.origin.publish(&scene.author, &["vary", "etag"]).await;
    let operation = |n: u32| json!({ "id": format!("o{n}"), "module": (["vary", "etag"][n as usize % 2]), "at_ms": n, "action": { "kind": "open" } });
    let batch = json!({ "operations": [operation(0), operation(1), operation(2)] });
    let _: OperationResults = scene.origin.send_as(&scene.ada, Method::POST, paths::OPERATIONS, &batch).await.ok();
    let lists = [paths::MODULES, paths::PROGRESS, paths::HISTORY];
    let mut cursors = Vec::new();
    for path in lists {
        let page: Page<Value> = scene.origin.get_as(&scene.ada, &format!("{path}?limit=1")).await.ok();
        cursors.push(page.next_cursor.unwrap());
    }
    let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let broken = [
        String::new(),
        "!!!".to_owned(),
        "x".repeat(2_000),
        encoded(""),
        encoded("nonsense"),
        encoded("null"),
        encoded("{}"),
        encoded("[]"),
        encoded("\"UPPER\""),
        encoded(r#"[1,"not an id!"]"#),
        encoded(r#"{"subject":"HTTP","position":0,"slug":"vary","more":1}"#),
        encoded(r#"{"subject":{"$gt":""},"position":0,"slug":"vary"}"#),
        encoded(r#"{"subject":"HTTP","position":-1,"slug":"vary"}"#),
        format!("{}=", cursors[0]),
    ];
    for (list, path) in lists.iter().enumerate() {
        let foreign = cursors.iter().enumerate().filter(|(of, _)| *of != list).map(|(_, cursor)| cursor);
        for cursor in broken.iter().chain(foreign) {
            let reply = scene.origin.get_as(&scene.ada, &format!("{path}?cursor={cursor}")).await;
            assert_eq!(reply.status, 400, "{path} {cursor:?}: {}", reply.text());
            let _ = reply.problem(P::InvalidCursor);
        }
        let good = scene.origin.get_as(&scene.ada, &format!("{path}?limit=1&cursor={}", cursors[list])).await;
        assert_eq!(good.status, 200, "{path}");
    }
}

#[tokio::test]
async fn methods_and_paths() {
    let scene = Scene::new().await;
    for (method, path, allowed) in [
        ("DELETE", "/v1/modules", "GET,HEAD,POST"),
        ("POST", "/v1/modules/caching", "DELETE,GET,HEAD,PUT"),
        ("POST", "/v1/modules/search", "GET,HEAD"),
        ("GET", "/v1/auth/login", "POST"),
        ("PUT", "/v1/me/operations", "POST"),
        ("GET", "/v1/me/operations", "POST"),
        ("PATCH", "/v1/me", "GET,HEAD"),
        ("TRACE", "/v1/me", "GET,HEAD"),
        ("INVENTED", "/health/live", "GET,HEAD"),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let reply =
            scene.origin.send(scene.origin.request(method.clone(), path).bearer_auth(&scene.author.token)).await;
        let _ = reply.problem(P::MethodNotAllowed);
        let mut allow: Vec<&str> = reply.header("allow").unwrap().split(',').map(str::trim).collect();
        allow.sort_unstable();
        assert_eq!(allow.join(","), allowed, "{method} {path}");
    }
    let long = format!("/v1/modules/{}", "a".repeat(101));
    for (path, expected) in [
        ("/", P::NotFound),
        ("/v1", P::NotFound),
        ("/v2/modules", P::NotFound),
        ("/v1/modules/", P::NotFound),
        ("/v1/Modules", P::NotFound),
        ("/v1/modules/caching/", P::NotFound),
        ("/v1/modules/caching/more", P::NotFound),
        ("/v1//modules", P::NotFound),
        ("/v1/modules/no-such-module", P::NotFound),
        ("/v1/modules/Caching", P::InvalidPath),
        ("/v1/modules/caching%00", P::InvalidPath),
        ("/v1/modules/..%2f..%2fetc%2fpasswd", P::InvalidPath),
        ("/v1/modules/%ff", P::InvalidPath),
        ("/v1/modules/a%20b", P::InvalidPath),
        (long.as_str(), P::InvalidPath),
    ] {
        let reply = scene.origin.get(path).await;
        println!("{path}: {}", reply.text());
        let _ = reply.problem(expected);
    }
    scene.check_untouched().await;
}

#[tokio::test]
async fn what_no_client_would_send() {
    let scene = Scene::new().await;
    let long_path = format!("GET /v1/modules?tag={} HTTP/1.1", "x".repeat(20_000));
    let problem = |kind: P| kind.uri();
    for (line, expected) in [
        ("GET /v1/modules/../me HTTP/1.1", problem(P::NotFound)),
        ("GET /v1/./modules HTTP/1.1", problem(P::NotFound)),
        ("GET /v1/modules/. HTTP/1.1", problem(P::InvalidPath)),
        (long_path.as_str(), problem(P::UriTooLong)),
        // The HTTP library itself refuses these, before there is a request.
        ("GET /v1/modules\0 HTTP/1.1", "400 Bad Request"),
        ("GET /v1/mod ules HTTP/1.1", "400 Bad Request"),
        ("nonsense", "400 Bad Request"),
    ] {
        let response =
            scene.origin.send_raw(format!("{line}\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await;
        let shown: String = line.chars().take(60).collect();
        assert!(response.contains(expected), "{shown}: {response}");
        if let Some((_, body)) = response.split_once("\r\n\r\n").filter(|(_, body)| body.starts_with('{')) {
            let _: Problem = serde_json::from_str(body).unwrap();
        }
    }
    // A length that is wrong: the caller hangs up half way, and nothing comes of it.
    let half = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{EVE}",
        paths::REGISTER
    );
    scene.origin.send_and_hang_up(half.as_bytes()).await;
    scene.check_untouched().await;
}
