//! Nothing that must stay secret is in what the program prints, at the most talkative level of its log, or in its metrics, whatever it is
//! asked and whatever fails: passwords, tokens, what is in URLs of servers, the key of the tutor's model, and what learners ask the tutor.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check fails the test")]

use std::process::Stdio;

use kairos_protocol::api::account::TokenGrant;
use kairos_protocol::api::paths;
use kairos_tests::model::{Script, ScriptedModel};
use kairos_tests::program::{PATIENCE, program, run};
use kairos_tests::redis::RedisServer;
use kairos_tests::serving::Serving;
use kairos_tests::world::{StoreKind, World};
use mongodb::bson::doc;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

const PASSWORD: &str = "pw-Zq81xvLm40";
const WRONG: &str = "pw-Wr0ng77Tyu";
const AUTHORS: &str = "pw-Auth0r55Bnm";
const REDIS: &str = "pw-R3dis66Ghj";
const MONGO: &str = "pw-M0ngo33Dfg";
const API_KEY: &str = "sk-Tut0r88Klo";
const IN_URL: &str = "pw-Fallb4ck22Xcv";
const QUESTION: &str = "vary text quokkaquestion?";

/// What must not be found, with what it is.
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn new() -> Self {
        let known = [
            ("a password", PASSWORD),
            ("a wrong password", WRONG),
            ("a password from the command line", AUTHORS),
            ("the password of Redis", REDIS),
            ("the password of MongoDB", MONGO),
            ("the key of the tutor's model", API_KEY),
            ("the password in the model's URL", IN_URL),
            ("a hash", "$argon2"),
            ("a question", "quokkaquestion"),
        ];
        Self(known.map(|(what, secret)| (what, secret.to_owned())).to_vec())
    }

    fn add(&mut self, grant: &TokenGrant) {
        // The signature is what makes it one.
        let signature = grant.access_token.rsplit('.').next().unwrap();
        self.0.push(("an access token", signature.to_owned()));
        self.0.push(("a refresh token", grant.refresh_token.clone()));
    }

    fn check(&self, place: &str, text: &str) {
        for (what, secret) in &self.0 {
            if let Some(at) = text.find(secret.as_str()) {
                let from = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |line| line + 1);
                let line = text.get(from..).unwrap_or_default().lines().next().unwrap_or_default();
                panic!("{place} has {what}: {line}");
            }
        }
    }
}

async fn read(request: RequestBuilder) -> (u16, String) {
    let reply = request.send().await.unwrap();
    (reply.status().as_u16(), reply.text().await.unwrap())
}

async fn grant(secrets: &mut Secrets, request: RequestBuilder) -> TokenGrant {
    let (status, body) = read(request).await;
    assert!(status < 300, "{status} {body}");
    let grant = serde_json::from_str(&body).unwrap();
    secrets.add(&grant);
    grant
}

/// Signs up, in, on and out, in every way that fails too.
async fn use_an_account(server: &Serving, secrets: &mut Secrets) -> TokenGrant {
    let post = |path: &str, body: Value| server.request(Method::POST, path).json(&body);
    let register = json!({ "email": "ada@example.org", "display_name": "Ada", "password": PASSWORD });
    let first = grant(secrets, post(paths::REGISTER, register.clone())).await;
    assert_eq!(read(post(paths::REGISTER, register)).await.0, 409);
    for (email, password) in [("ada@example.org", WRONG), ("nobody@example.org", PASSWORD)] {
        assert_eq!(read(post(paths::LOGIN, json!({ "email": email, "password": password }))).await.0, 401);
    }
    for broken in [
        format!("{{\"email\":\"ada@example.org\",\"password\":\"{PASSWORD}"),
        format!("{{\"password\":[\"{PASSWORD}\"]}}"),
    ] {
        let request =
            server.request(Method::POST, paths::LOGIN).header("content-type", "application/json").body(broken);
        assert!((400..500).contains(&read(request).await.0));
    }
    let ada = grant(secrets, post(paths::LOGIN, json!({ "email": "ada@example.org", "password": PASSWORD }))).await;
    let second = grant(secrets, post(paths::REFRESH, json!({ "refresh_token": first.refresh_token }))).await;
    grant(secrets, post(paths::REFRESH, json!({ "refresh_token": second.refresh_token }))).await;
    // One that was used twice ends the session.
    assert_eq!(read(post(paths::REFRESH, json!({ "refresh_token": first.refresh_token }))).await.0, 401);
    assert_eq!(read(post(paths::LOGOUT, json!({ "refresh_token": second.refresh_token }))).await.0, 204);
    let broken = format!("{}x", first.access_token);
    assert_eq!(read(server.request(Method::GET, paths::ME).bearer_auth(&broken)).await.0, 401);
    for _ in 0..2 {
        assert_eq!(read(server.request(Method::GET, paths::STATISTICS).bearer_auth(&ada.access_token)).await.0, 200);
    }
    ada
}

async fn write_and_ask(server: &Serving, secrets: &mut Secrets, ada: &TokenGrant, model: ScriptedModel) {
    let login = json!({ "email": "author@example.org", "password": AUTHORS });
    let author = grant(secrets, server.request(Method::POST, paths::LOGIN).json(&login)).await;
    let post = |who: &TokenGrant, path: &str, body: &Value| {
        server.request(Method::POST, path).bearer_auth(&who.access_token).json(body)
    };
    let draft = kairos_tests::origin::draft("vary");
    assert_eq!(read(post(&author, paths::MODULES, &draft)).await.0, 201);
    assert_eq!(read(post(&author, paths::MODULES, &draft)).await.0, 409);
    assert_eq!(read(post(ada, paths::MODULES, &draft)).await.0, 403);
    let open = json!({ "id": "operation-1", "module": "vary", "at_ms": 1, "action": { "type": "open" } });
    assert_eq!(read(post(ada, paths::OPERATIONS, &json!({ "operations": [open] }))).await.0, 200);
    let ask = async || read(post(ada, paths::TUTOR_ANSWERS, &json!({ "question": QUESTION }))).await;
    assert_eq!(ask().await.0, 200);
    assert!(!model.asked().is_empty());
    model.now(Script::Reply(401, "application/json", format!("{{\"error\":\"{API_KEY} is no good\"}}")));
    assert_eq!(ask().await.0, 200);
    drop(model);
    assert_eq!(ask().await.0, 200);
}

async fn put_an_author(adapters: &[(&str, &str)], data: &str) -> String {
    let mut command = Command::new(program().unwrap());
    command.args([
        "account",
        "--email",
        "author@example.org",
        "--name",
        "Grace",
        "--role",
        "author",
        "--password-stdin",
    ]);
    command.args(["--data", data]).env_clear().envs(adapters.iter().copied()).kill_on_drop(true);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(AUTHORS.as_bytes()).await.unwrap();
    let said = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    assert!(said.status.success(), "{said:?}");
    format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr))
}

/// A full run over the servers that `adapters` name, of which `redis` dies in it.
async fn check_a_run(world: &World, mut redis: Option<RedisServer>, adapters: &[(&str, &str)]) {
    let mut secrets = Secrets::new();
    let model = ScriptedModel::start(Script::says("Vary names the fields. They chose the response.")).await;
    let tutor_url = model.config().url.to_string();
    let fallback_url = format!("http://tutor:{IN_URL}@127.0.0.1:1/v1");
    let tutor = [
        ("TUTOR_URL", tutor_url.as_str()),
        ("TUTOR_MODEL", "m"),
        ("TUTOR_API_KEY", API_KEY),
        ("TUTOR_FALLBACK_URL", &fallback_url),
        ("TUTOR_FALLBACK_MODEL", "f"),
    ];
    let variables = [adapters, &tutor].concat();
    let data = world.data().display().to_string();
    let said = put_an_author(adapters, &data).await;
    secrets.check("`account`", &said);

    let arguments = ["--data", &data, "--log", "trace", "--slow-query-ms", "0"];
    let server = Serving::start(&arguments, &variables).await.unwrap();
    let ada = use_an_account(&server, &mut secrets).await;
    write_and_ask(&server, &mut secrets, &ada, model).await;
    if let Some(redis) = &mut redis {
        redis.kill();
        for _ in 0..3 {
            let read = read(server.request(Method::GET, paths::STATISTICS).bearer_auth(&ada.access_token)).await;
            assert_eq!(read.0, 200);
        }
    }
    secrets.check("the metrics", &server.metrics().await);
    let said = server.stop().await;
    assert!(said.errors.contains("TRACE") && said.errors.len() > 10_000, "it says what it does: {said:?}");
    secrets.check("the log", &said.errors);
    secrets.check("the output", &said.output);

    let arguments = [&arguments[..], &["--log-format", "json"]].concat();
    let server = Serving::start(&arguments, &variables).await.unwrap();
    let login = json!({ "email": "ada@example.org", "password": PASSWORD });
    grant(&mut secrets, server.request(Method::POST, paths::LOGIN).json(&login)).await;
    let said = server.stop().await;
    assert!(said.errors.starts_with('{'), "{said:?}");
    secrets.check("the log in JSON", &said.errors);

    for arguments in
        [&["keys", "list", "--data", &data][..], &["keys", "rotate", "--data", &data], &["serve", "--help"]]
    {
        let said = run(arguments, &variables).await.unwrap();
        assert_eq!(said.code, Some(0), "{said:?}");
        secrets.check(&arguments.join(" "), &format!("{}{}", said.output, said.errors));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_printed_over_the_embedded_store() {
    let Some(world) = World::new(StoreKind::Sqlite, false) else { return };
    if program().is_some() {
        check_a_run(&world, None, &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_printed_over_mongodb_and_redis_with_passwords() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let Some(redis) = RedisServer::start().await else { return };
    if program().is_none() {
        return;
    }
    redis.run(&["CONFIG", "SET", "requirepass", REDIS]).await;
    let redis_url = format!("redis://:{REDIS}@127.0.0.1:{}", redis.port());
    // A server that does not ask for credentials checks those that it is given.
    let plain = world.mongodb_url().unwrap();
    let database = mongodb::Client::with_uri_str(plain).await.unwrap().database(&world.name);
    let roles = vec!["readWrite", "dbAdmin"];
    database.run_command(doc! { "createUser": "kairos", "pwd": MONGO, "roles": roles }).await.unwrap();
    let (scheme, rest) = plain.split_once("://").unwrap();
    let joined = if rest.contains('?') { '&' } else { '?' };
    let mongodb_url = format!("{scheme}://kairos:{MONGO}@{rest}{joined}authSource={}", world.name);
    check_a_run(&world, Some(redis), &[("MONGODB_URL", &mongodb_url), ("REDIS_URL", &redis_url)]).await;
    database.run_command(doc! { "dropUser": "kairos" }).await.unwrap();
}
