//! Signing keys that change while the service runs: no valid token is refused, those of a key that ended are, and keys that somebody
//! makes up cost next to nothing.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed check fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jsonwebtoken::decode_header;
use kairos_origin::auth::keys::{Keys, Retired, Start};
use kairos_origin::environment::Environment;
use kairos_origin::store::KeyStore;
use kairos_protocol::api::account::{KeySet, Role, TokenGrant};
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use kairos_tests::in_every_world;
use kairos_tests::origin::{PASSWORD, Person, TestOrigin};
use kairos_tests::program::{PATIENCE, run};
use kairos_tests::serving::Serving;
use kairos_tests::world::{StoreKind, World};
use reqwest::Method;
use serde_json::{Value, json};

const MINUTE_MS: i64 = 60_000;

in_every_world! {
    no_valid_token_is_refused_while_keys_change_under_load
    what_a_retired_key_signed_is_refused_also_where_it_was_verified_before
    made_up_keys_cause_one_look_in_some_seconds
    a_store_with_one_key_of_an_older_release_goes_on
    of_many_who_rotate_at_once_each_adds_its_own_key
}

fn keys(origin: &TestOrigin) -> Keys {
    Keys::new(
        Arc::<kairos_tests::breakable::Breakable>::clone(&origin.store),
        Environment { clock: Arc::<kairos_tests::origin::MovableClock>::clone(&origin.clock), ..Environment::system() },
    )
}

fn kid(token: &str) -> String {
    decode_header(token).unwrap().kid.unwrap()
}

async fn published(origin: &TestOrigin) -> Vec<String> {
    let reply = origin.get(paths::JWKS).await;
    // Shared caches have it for less time than a key is published before it signs; browsers ask each time.
    assert_eq!(reply.header("cache-control"), Some("public, no-cache"));
    assert_eq!(reply.header("cdn-cache-control"), Some("max-age=300, stale-if-error=86400"));
    assert!(reply.header("etag").is_some());
    reply.ok::<KeySet>().keys.into_iter().map(|key| key.kid).collect()
}

async fn no_valid_token_is_refused_while_keys_change_under_load(origin: TestOrigin) {
    let (origin, sibling) = (&origin, &origin.sibling().await);
    let ada = origin.learner("ada").await;
    let (is_over, answered) = (&AtomicBool::new(false), &AtomicU64::new(0));
    // A new token each time, so that each is verified; one instance signs, the other verifies.
    let ask = async |signs: &TestOrigin, verifies: &TestOrigin| {
        let token = signs.tokens.sign(&ada.id, &[Role::Learner]).unwrap();
        let reply = verifies.get_as(&Person { token: token.clone(), ..ada.clone() }, paths::ME).await;
        assert_eq!(reply.status, 200, "{}: {}", kid(&token), reply.text());
        answered.fetch_add(1, Ordering::SeqCst);
    };
    let worker = async |n: usize| {
        while !is_over.load(Ordering::SeqCst) {
            if n.is_multiple_of(2) {
                ask(origin, sibling).await;
            } else {
                ask(sibling, origin).await;
            }
        }
    };
    let some_more = async || {
        let before = answered.load(Ordering::SeqCst);
        while answered.load(Ordering::SeqCst) < before + 20 {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let rotating = async {
        let first = kid(&ada.token);
        some_more().await;
        // As it is usually done: published, known to all, then used.
        let second = keys(origin).rotate(Start::WhenKnown).await.unwrap().unwrap().kid;
        some_more().await;
        for instance in [origin, sibling] {
            instance.tokens.look_up("time").await;
            assert_eq!(published(instance).await, [second.as_str(), &first]);
            assert_eq!(kid(&instance.tokens.sign(&ada.id, &[]).unwrap()), first, "it is not time yet");
        }
        origin.clock.advance_ms(10 * MINUTE_MS);
        some_more().await;
        assert_eq!(kid(&origin.tokens.sign(&ada.id, &[]).unwrap()), second);
        assert_eq!(origin.get_as(&ada, paths::ME).await.status, 200, "of the first key");
        // At once: the other instance hears of it from the first token.
        let third = keys(origin).rotate(Start::AtOnce).await.unwrap().unwrap().kid;
        origin.tokens.look_up("time").await;
        assert_eq!(kid(&origin.tokens.sign(&ada.id, &[]).unwrap()), third);
        some_more().await;
        assert!(published(sibling).await.contains(&third));
        is_over.store(true, Ordering::SeqCst);
        third
    };
    let (_, third) = tokio::join!(join_all((0..8).map(worker)), rotating);
    // When the last token of a key has expired, the key is gone.
    origin.clock.advance_ms(21 * MINUTE_MS);
    origin.tokens.look_up("time").await;
    sibling.tokens.look_up("time").await;
    assert_eq!((published(origin).await, published(sibling).await), (vec![third.clone()], vec![third.clone()]));
    let stored = origin.store.key_ring().await.unwrap().unwrap();
    assert_eq!(stored.keys.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), [third.as_str()]);
}

async fn what_a_retired_key_signed_is_refused_also_where_it_was_verified_before(origin: TestOrigin) {
    let body = json!({ "email": "ada@example.org", "display_name": "Ada", "password": PASSWORD });
    let grant: TokenGrant = origin.post(paths::REGISTER, &body).await.expect(201).json();
    let ada = Person { id: grant.profile.id, email: grant.profile.email, token: grant.access_token };
    let first = kid(&ada.token);
    // Answered from memory from then on.
    for _ in 0..3 {
        assert_eq!(origin.get_as(&ada, paths::STATISTICS).await.status, 200);
    }
    let keys = keys(&origin);
    assert_eq!(keys.retire(&first).await.unwrap(), Retired::IsNewest);
    assert_eq!(keys.retire("made up").await.unwrap(), Retired::NotThere);
    keys.rotate(Start::AtOnce).await.unwrap().unwrap();
    assert_eq!(keys.retire(&first).await.unwrap(), Retired::Gone);
    origin.tokens.look_up("time").await;
    for path in [paths::STATISTICS, paths::ME] {
        let _ = origin.get_as(&ada, path).await.problem(ProblemType::TokenInvalid);
    }
    let events = origin.send(origin.request(Method::GET, paths::EVENTS).bearer_auth(&ada.token)).await;
    let _ = events.problem(ProblemType::TokenInvalid);
    assert!(!published(&origin).await.contains(&first));
    // Who signed in stays so, also who lost a response from before.
    let refresh = json!({ "refresh_token": grant.refresh_token });
    let next: TokenGrant = origin.post(paths::REFRESH, &refresh).await.ok();
    let again: TokenGrant = origin.post(paths::REFRESH, &refresh).await.ok();
    assert_eq!(again.refresh_token, next.refresh_token);
    assert_eq!(origin.get_as(&Person { token: next.access_token, ..ada }, paths::STATISTICS).await.status, 200);
}

/// `token`, said to be signed by `kid`.
fn with_kid(token: &str, kid: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (header, rest) = token.split_once('.').unwrap();
    let mut header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    header["kid"] = json!(kid);
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

async fn made_up_keys_cause_one_look_in_some_seconds(origin: TestOrigin) {
    let ada = origin.learner("ada").await;
    let (ada, looks) = (&ada, || origin.store.key_lookups.load(Ordering::SeqCst));
    let (before, began) = (looks(), Instant::now());
    let ask = async |n: usize| {
        let token = with_kid(&ada.token, &format!("made-up-{n}"));
        let reply = origin.get_as(&Person { token, ..ada.clone() }, paths::ME).await;
        let _ = reply.problem(ProblemType::TokenInvalid);
    };
    // The clock of the origin goes with that of this machine. What is looked up as time goes by is not for them.
    let allowed = || 1 + began.elapsed().as_secs() / 5 + began.elapsed().as_secs() / 10;
    join_all((0..100).map(ask)).await;
    for n in 100..200 {
        ask(n).await;
    }
    let looked = looks() - before;
    assert!((1..=allowed()).contains(&looked), "{looked} looks, {} allowed", allowed());
    // After some seconds they may cause another.
    let before = looks();
    origin.clock.advance_ms(6_000);
    ask(0).await;
    assert!(looks() > before);
    // With the store down, they are refused as before, and good ones are good.
    origin.clock.advance_ms(6_000);
    origin.store.break_down();
    join_all((0..20).map(ask)).await;
    assert_eq!(origin.get_as(ada, "/v1/me/nothing").await.status, 404);
}

async fn a_store_with_one_key_of_an_older_release_goes_on(origin: TestOrigin) {
    let ring = origin.store.key_ring().await.unwrap().unwrap();
    let only = ring.keys[0].clone();
    match origin.world.mongodb_url() {
        Some(url) => {
            use mongodb::bson::{Binary, doc, spec::BinarySubtype::Generic};
            let client = mongodb::Client::with_uri_str(url).await.unwrap();
            let keys = client.default_database().unwrap().collection("keys");
            let bytes = |bytes: &[u8]| Binary { subtype: Generic, bytes: bytes.to_vec() };
            let id = doc! { "_id": "access-tokens" };
            let old = doc! { "kid": &only.kid, "pkcs8": bytes(&only.pkcs8), "public": bytes(&only.public) };
            keys.replace_one(id, old).await.unwrap();
        }
        None => {
            let file = rusqlite::Connection::open(origin.world.data()).unwrap();
            // As the step from the older form leaves it.
            let old = "UPDATE key_rings SET version = 0, installation = '', refresh_secret = x''";
            assert_eq!(file.execute(old, []).unwrap(), 1);
        }
    }
    let ada = origin.learner("ada").await;
    let (one, two) = tokio::join!(origin.sibling(), origin.sibling());
    for instance in [&one, &two] {
        assert_eq!(instance.get_as(&ada, paths::ME).await.status, 200);
    }
    let upgraded = origin.store.key_ring().await.unwrap().unwrap();
    assert!((upgraded.version, upgraded.installation.as_str()) == (1, only.kid.as_str()));
    assert!(upgraded.keys.iter().map(|key| &key.kid).eq([&only.kid]) && upgraded.refresh_secret.len() == 32);
    assert!(upgraded.keys[0] == only);
}

async fn of_many_who_rotate_at_once_each_adds_its_own_key(origin: TestOrigin) {
    let sibling = origin.sibling().await;
    let (one, two) = (keys(&origin), keys(&sibling));
    let rotate = async |n: usize| if n.is_multiple_of(2) { &one } else { &two }.rotate(Start::AtOnce).await.unwrap();
    let mut made: Vec<String> = join_all((0..4).map(rotate)).await.into_iter().map(|key| key.unwrap().kid).collect();
    let ring = one.current().await.unwrap();
    let mut there: Vec<String> = ring.keys.iter().map(|key| key.kid.clone()).collect();
    assert_eq!((ring.version, there.pop()), (5, Some(kid(&origin.learner("ada").await.token))));
    there.sort();
    made.sort();
    assert_eq!(there, made);
    // There is an end to it, and then there is room again.
    let added = join_all((0..5).map(rotate)).await;
    assert_eq!(added.iter().flatten().count(), 3);
    assert!(one.rotate(Start::AtOnce).await.unwrap().is_none());
    origin.clock.advance_ms(30 * MINUTE_MS);
    assert!(one.rotate(Start::AtOnce).await.unwrap().is_some());
    assert_eq!(one.current().await.unwrap().keys.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_runs_learns_what_the_command_line_does() {
    let Some(world) = World::new(StoreKind::Sqlite, false) else { return };
    let data = world.data().display().to_string();
    let Some(server) = Serving::start(&["--data", &data], &[]).await else { return };
    let keys = async |arguments: &[&str]| {
        let all = [&["keys"], arguments, &["--data", &data]].concat();
        run(&all, &[]).await.unwrap()
    };
    let me =
        async |token: &str| server.request(Method::GET, paths::ME).bearer_auth(token).send().await.unwrap().status();
    let sign_in = async |path: &str, body: Value| {
        server.request(Method::POST, path).json(&body).send().await.unwrap().json::<TokenGrant>().await.unwrap()
    };
    let register = json!({ "email": "ada@example.org", "display_name": "Ada", "password": PASSWORD });
    let grant = sign_in(paths::REGISTER, register).await;
    let first = kid(&grant.access_token);

    let listed = keys(&["list"]).await;
    assert!(listed.code == Some(0) && listed.output.lines().nth(1).unwrap().starts_with(&first), "{listed:?}");
    let refused = keys(&["retire", &first]).await;
    assert!(refused.code == Some(1) && refused.errors.contains("keys rotate --at-once"), "{refused:?}");
    let rotated = keys(&["rotate", "--at-once"]).await;
    let second = rotated.output.split(' ').next().unwrap();
    assert!(rotated.output.ends_with("signs now"), "{rotated:?}");
    // Once it has heard of it, it signs with it, and what the first one signed is good still.
    let mut refresh = grant.refresh_token;
    let of_second = loop {
        let next = sign_in(paths::REFRESH, json!({ "refresh_token": refresh })).await;
        if kid(&next.access_token) == second {
            break next.access_token;
        }
        refresh = next.refresh_token;
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!((me(&grant.access_token).await.as_u16(), me(&of_second).await.as_u16()), (200, 200));
    let retired = keys(&["retire", &first]).await;
    assert_eq!(retired.code, Some(0), "{retired:?}");
    let began = Instant::now();
    while me(&grant.access_token).await.is_success() {
        assert!(began.elapsed() < PATIENCE, "it is still good");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(me(&of_second).await.as_u16(), 200);
    let said = server.stop().await;
    assert_eq!(said.code, Some(0), "{said:?}");
}
