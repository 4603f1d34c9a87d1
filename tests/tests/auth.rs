//! Accounts, sessions and tokens, over HTTP. Forged and broken tokens are in `bad_input.rs`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failed check fails the test")]

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use kairos_origin::store::accounts::{Account, AccountStore};
use kairos_protocol::api::account::{Claims, KeySet, Profile, Role, TokenGrant};
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use kairos_tests::in_every_world;
use kairos_tests::origin::{PASSWORD, Person, TestOrigin, draft};
use kairos_tests::reply::Reply;
use reqwest::Method;
use serde_json::json;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

in_every_world! {
    who_registers_is_signed_in
    sign_in_does_not_tell_what_is_wrong
    an_email_has_one_account
    an_email_is_the_same_from_every_keyboard
    an_account_of_an_older_release_is_found_however_its_email_is_typed
    a_password_is_the_same_from_every_keyboard
    fields_are_checked_by_name
    a_lost_response_is_asked_for_again_however_late
    a_token_shown_after_its_successor_was_used_ends_the_session
    tabs_that_refresh_together_get_the_same_token
    a_new_password_ends_what_the_old_one_began_meanwhile
    signing_out_ends_the_session_alone
    tokens_expire
    the_published_keys_verify_the_tokens
    a_refusal_asks_for_a_token_and_calls_none_invalid_that_was_not_sent
    only_authors_change_modules
    what_is_granted_is_never_stored
}

async fn register(origin: &TestOrigin, email: &str) -> Reply {
    let body = json!({ "email": email, "display_name": "Ada", "password": PASSWORD });
    origin.post(paths::REGISTER, &body).await
}

async fn login(origin: &TestOrigin, email: &str, password: &str) -> Reply {
    origin.post(paths::LOGIN, &json!({ "email": email, "password": password })).await
}

async fn refresh(origin: &TestOrigin, token: &str) -> Reply {
    origin.post(paths::REFRESH, &json!({ "refresh_token": token })).await
}

async fn me(origin: &TestOrigin, access_token: &str) -> Reply {
    origin.send(origin.request(Method::GET, paths::ME).bearer_auth(access_token)).await
}

async fn who_registers_is_signed_in(origin: TestOrigin) {
    let grant: TokenGrant = register(&origin, "Ada@Example.org").await.expect(201).json();
    assert_eq!((grant.token_type.as_str(), grant.expires_in_secs), ("Bearer", 900));
    assert_eq!(grant.profile.email, "ada@example.org");
    assert_eq!(grant.profile.roles, [Role::Learner]);

    let profile: Profile = me(&origin, &grant.access_token).await.ok();
    assert_eq!(profile, grant.profile);
    let again: TokenGrant = login(&origin, " ADA@example.org ", PASSWORD).await.ok();
    assert_eq!(again.profile, grant.profile);
    assert_ne!(again.refresh_token, grant.refresh_token);
}

async fn sign_in_does_not_tell_what_is_wrong(origin: TestOrigin) {
    origin.learner("ada").await;
    let long = "x".repeat(200);
    for (email, password) in
        [("ada@example.org", "wrong password"), ("nobody@example.org", PASSWORD), ("ada@example.org", &long), ("", "")]
    {
        let reply = login(&origin, email, password).await;
        let problem = reply.problem(ProblemType::WrongCredentials);
        assert!(problem.errors.is_empty() && !reply.text().contains("example"), "{email}: {problem:?}");
    }
}

async fn an_email_has_one_account(origin: TestOrigin) {
    // All at once: one gets it.
    let attempts = join_all((0..6).map(|_| register(&origin, "ada@example.org"))).await;
    let mut statuses: Vec<u16> = attempts.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
    let _ = register(&origin, "ADA@EXAMPLE.ORG").await.problem(ProblemType::EmailTaken);
}

/// `é` in one character, and in two.
const COMPOSED: &str = "Jos\u{e9}@example.org";
const DECOMPOSED: &str = "Jose\u{301}@example.org";

async fn an_email_is_the_same_from_every_keyboard(origin: TestOrigin) {
    for (first, second) in [(COMPOSED, DECOMPOSED), ("bjo\u{308}rn@example.org", "BJ\u{d6}RN@example.org")] {
        let grant: TokenGrant = register(&origin, first).await.expect(201).json();
        let _ = register(&origin, second).await.problem(ProblemType::EmailTaken);
        for email in [first, second] {
            assert_eq!(login(&origin, email, PASSWORD).await.ok::<TokenGrant>().profile, grant.profile);
        }
    }
}

async fn an_account_of_an_older_release_is_found_however_its_email_is_typed(origin: TestOrigin) {
    let new = async |name| {
        let password = PASSWORD.to_owned();
        origin.accounts.new_account("any@example.org", name, password, vec![Role::Learner]).await.unwrap()
    };
    // They were stored as typed, but for the case.
    let old = Account { email: DECOMPOSED.to_lowercase(), ..new("Old").await };
    assert!(origin.store.insert_account(&old).await.unwrap());
    for email in [COMPOSED, DECOMPOSED] {
        assert_eq!(login(&origin, email, PASSWORD).await.ok::<TokenGrant>().profile.id, old.id);
        let _ = register(&origin, email).await.problem(ProblemType::EmailTaken);
        let changed = origin.accounts.put(email, "New name", PASSWORD.to_owned(), vec![Role::Author]).await;
        assert_eq!(changed.unwrap().id, old.id);
    }
    // Where there were two, each is its own still.
    let twin = Account { email: COMPOSED.to_lowercase(), ..new("Twin").await };
    assert!(origin.store.insert_account(&twin).await.unwrap());
    for (email, id) in [(COMPOSED, &twin.id), (DECOMPOSED, &old.id)] {
        assert_eq!(login(&origin, email, PASSWORD).await.ok::<TokenGrant>().profile.id, *id);
    }
}

async fn a_password_is_the_same_from_every_keyboard(origin: TestOrigin) {
    let composed = "Jos\u{e9} ma\u{f1}ana";
    let spellings = [composed, "Jose\u{301} man\u{303}ana", "Jos\u{e9}\u{a0}ma\u{f1}ana"];
    for (n, registered) in spellings.iter().enumerate() {
        let email = format!("{n}@example.org");
        let body = json!({ "email": email, "display_name": "Ada", "password": registered });
        let _ = origin.post(paths::REGISTER, &body).await.expect(201);
        for typed in spellings {
            assert_eq!(login(&origin, &email, typed).await.status, 200, "{registered:?} typed as {typed:?}");
        }
        let _ = login(&origin, &email, "Jose manana").await.problem(ProblemType::WrongCredentials);
    }
    // Older releases hashed what was typed, here the second spelling: whoever types it so still gets in.
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$sCOqwYclGiZHxmgMbCQHJP1MVtOk00gGDvq5ebfQmFM";
    let old = origin.accounts.new_account("old@example.org", "Old", PASSWORD.to_owned(), vec![Role::Learner]).await;
    let old = Account { hashed_password: Some(hash.to_owned()), ..old.unwrap() };
    assert!(origin.store.insert_account(&old).await.unwrap());
    assert_eq!(login(&origin, &old.email, spellings[1]).await.status, 200);
    let _ = login(&origin, &old.email, "wrong pa\u{301}ssword").await.problem(ProblemType::WrongCredentials);
}

async fn fields_are_checked_by_name(origin: TestOrigin) {
    let long_name = "n".repeat(101);
    let long_password = "p".repeat(129);
    let long_email = format!("{}@example.org", "e".repeat(250));
    for (email, name, password, wrong) in [
        ("", "Ada", PASSWORD, "email"),
        ("ada", "Ada", PASSWORD, "email"),
        ("@example.org", "Ada", PASSWORD, "email"),
        ("ada@", "Ada", PASSWORD, "email"),
        ("ada@example..org", "Ada", PASSWORD, "email"),
        ("a b@example.org", "Ada", PASSWORD, "email"),
        ("ada@bob@example.org", "Ada", PASSWORD, "email"),
        ("ada\0@example.org", "Ada", PASSWORD, "email"),
        (long_email.as_str(), "Ada", PASSWORD, "email"),
        ("ada@example.org", "", PASSWORD, "display_name"),
        ("ada@example.org", "  ", PASSWORD, "display_name"),
        ("ada@example.org", long_name.as_str(), PASSWORD, "display_name"),
        ("ada@example.org", "Ada", "seven77", "password"),
        ("ada@example.org", "Ada", long_password.as_str(), "password"),
    ] {
        let reply =
            origin.post(paths::REGISTER, &json!({ "email": email, "display_name": name, "password": password })).await;
        let problem = reply.problem(ProblemType::InvalidFields);
        let fields: Vec<&str> = problem.errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, [wrong], "{email:?} {name:?}");
        assert!(!reply.text().contains(PASSWORD));
    }
    // None of these made an account.
    let _ = login(&origin, "ada@example.org", PASSWORD).await.problem(ProblemType::WrongCredentials);
}

async fn a_lost_response_is_asked_for_again_however_late(origin: TestOrigin) {
    let first: TokenGrant = register(&origin, "ada@example.org").await.expect(201).json();
    let second: TokenGrant = refresh(&origin, &first.refresh_token).await.ok();
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_eq!(me(&origin, &second.access_token).await.ok::<Profile>(), first.profile);
    for _ in 0..3 {
        origin.clock.advance_ms(9 * DAY_MS);
        let again: TokenGrant = refresh(&origin, &first.refresh_token).await.ok();
        assert_eq!(again.refresh_token, second.refresh_token);
        assert_eq!(me(&origin, &again.access_token).await.status, 200);
    }
    let sibling = origin.sibling().await;
    let elsewhere: TokenGrant = refresh(&sibling, &first.refresh_token).await.ok();
    assert_eq!(elsewhere.refresh_token, second.refresh_token, "instances derive the same");
    let third: TokenGrant = refresh(&origin, &second.refresh_token).await.ok();
    assert_ne!(third.refresh_token, second.refresh_token);
}

async fn a_token_shown_after_its_successor_was_used_ends_the_session(origin: TestOrigin) {
    let first: TokenGrant = register(&origin, "ada@example.org").await.expect(201).json();
    let second: TokenGrant = refresh(&origin, &first.refresh_token).await.ok();
    let third: TokenGrant = refresh(&origin, &second.refresh_token).await.ok();
    // At once: whoever has the old one is not who has the new one.
    let _ = refresh(&origin, &first.refresh_token).await.problem(ProblemType::RefreshTokenInvalid);
    for descendant in [&second, &third] {
        let _ = refresh(&origin, &descendant.refresh_token).await.problem(ProblemType::RefreshTokenInvalid);
    }
    // Signing in again starts another session.
    let again: TokenGrant = login(&origin, "ada@example.org", PASSWORD).await.ok();
    let _: TokenGrant = refresh(&origin, &again.refresh_token).await.ok();
    let odd = ["never given out", "", "=", "é", &again.refresh_token[1..], &format!("{}A", again.refresh_token)];
    for shown in odd {
        let _ = refresh(&origin, shown).await.problem(ProblemType::RefreshTokenInvalid);
    }
}

async fn tabs_that_refresh_together_get_the_same_token(origin: TestOrigin) {
    let sibling = origin.sibling().await;
    let mut newest: TokenGrant = register(&origin, "ada@example.org").await.expect(201).json();
    for _ in 0..5 {
        let tabs = (0..16).map(|n| refresh(if n % 2 == 0 { &origin } else { &sibling }, &newest.refresh_token));
        let grants: Vec<TokenGrant> = join_all(tabs).await.into_iter().map(Reply::ok).collect();
        assert!(grants.iter().all(|grant| grant.refresh_token == grants[0].refresh_token));
        newest = grants[0].clone();
    }
    assert_eq!(sessions(&origin).await, 1, "one session, one record");
}

/// Records of sessions in the store.
async fn sessions(origin: &TestOrigin) -> u64 {
    if let Some(url) = origin.world.mongodb_url() {
        let client = mongodb::Client::with_uri_str(url).await.unwrap();
        let sessions = client.default_database().unwrap().collection::<mongodb::bson::Document>("sessions");
        return sessions.count_documents(mongodb::bson::doc! {}).await.unwrap();
    }
    let store = rusqlite::Connection::open(origin.world.data()).unwrap();
    store.query_row("SELECT count(*) FROM sessions", [], |row| row.get(0)).unwrap()
}

async fn a_new_password_ends_what_the_old_one_began_meanwhile(origin: TestOrigin) {
    let ada = origin.learner("ada").await;
    let mut account = origin.store.account_by_email(&ada.email).await.unwrap().unwrap();
    let other = PASSWORD.replace("horse", "mule");
    let other = origin.accounts.new_account("other@example.org", "Other", other, vec![Role::Learner]).await.unwrap();
    account.hashed_password = other.hashed_password;
    // Hashing takes turns: when the first are signed in, the last have not been looked at.
    let mut logins: FuturesUnordered<_> = (0..24).map(|_| login(&origin, &ada.email, PASSWORD)).collect();
    let mut replies = vec![logins.next().await.unwrap()];
    origin.store.put_account(&account, 0).await.unwrap();
    while let Some(reply) = logins.next().await {
        replies.push(reply);
    }
    let granted: Vec<TokenGrant> = replies.iter().filter(|r| r.status == 200).map(Reply::json).collect();
    assert!(!granted.is_empty());
    for grant in granted {
        let _ = refresh(&origin, &grant.refresh_token).await.problem(ProblemType::RefreshTokenInvalid);
    }
}

async fn signing_out_ends_the_session_alone(origin: TestOrigin) {
    let here: TokenGrant = register(&origin, "ada@example.org").await.expect(201).json();
    let there: TokenGrant = login(&origin, "ada@example.org", PASSWORD).await.ok();
    let newest: TokenGrant = refresh(&origin, &here.refresh_token).await.ok();
    for token in [&newest.refresh_token, &newest.refresh_token, &here.refresh_token, "never given out"] {
        let reply = origin.post(paths::LOGOUT, &json!({ "refresh_token": token })).await.expect(204);
        assert!(reply.body.is_empty());
    }
    let _ = refresh(&origin, &newest.refresh_token).await.problem(ProblemType::RefreshTokenInvalid);
    let _: TokenGrant = refresh(&origin, &there.refresh_token).await.ok();
}

async fn tokens_expire(origin: TestOrigin) {
    let grant: TokenGrant = register(&origin, "ada@example.org").await.expect(201).json();
    origin.clock.advance_ms(15 * MINUTE_MS - 2_000);
    assert_eq!(me(&origin, &grant.access_token).await.status, 200);
    origin.clock.advance_ms(10_000);
    let expired = me(&origin, &grant.access_token).await;
    let _ = expired.problem(ProblemType::TokenExpired);
    assert!(expired.header("www-authenticate").unwrap().starts_with("Bearer"));

    origin.clock.advance_ms(29 * DAY_MS);
    let next: TokenGrant = refresh(&origin, &grant.refresh_token).await.ok();
    assert_eq!(me(&origin, &next.access_token).await.status, 200);
    origin.clock.advance_ms(31 * DAY_MS);
    let _ = refresh(&origin, &next.refresh_token).await.problem(ProblemType::RefreshTokenInvalid);
}

async fn the_published_keys_verify_the_tokens(origin: TestOrigin) {
    let ada = origin.learner("ada").await;
    let keys: KeySet = origin.get(paths::JWKS).await.ok();
    let [key] = keys.keys.as_slice() else { panic!("one key: {keys:?}") };
    assert_eq!((key.kty.as_str(), key.crv.as_str(), key.alg.as_str()), ("OKP", "Ed25519", "EdDSA"));
    assert_eq!(decode_header(&ada.token).unwrap().kid.as_ref(), Some(&key.kid));
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_issuer(&["kairos"]);
    let claims =
        decode::<Claims>(&ada.token, &DecodingKey::from_ed_components(&key.x).unwrap(), &rules).unwrap().claims;
    assert_eq!((claims.sub, claims.roles, claims.exp - claims.iat), (ada.id.clone(), vec![Role::Learner], 900));

    // Instances share the key: a token of one is good at the other.
    let sibling = origin.sibling().await;
    assert_eq!(sibling.get(paths::JWKS).await.ok::<KeySet>(), keys);
    assert_eq!(sibling.get_as(&ada, paths::ME).await.status, 200);
}

async fn a_refusal_asks_for_a_token_and_calls_none_invalid_that_was_not_sent(origin: TestOrigin) {
    let ada = origin.learner("ada").await;
    let plain = "Bearer realm=\"kairos\"";
    let invalid = "Bearer realm=\"kairos\", error=\"invalid_token\"";
    let challenge = |reply: Reply, kind: ProblemType| {
        let _ = reply.problem(kind);
        reply.header("www-authenticate").map(str::to_owned)
    };
    let refused = login(&origin, &ada.email, "wrong password").await;
    assert_eq!(challenge(refused, ProblemType::WrongCredentials).as_deref(), Some(plain));
    let refused = refresh(&origin, "never given out").await;
    assert_eq!(challenge(refused, ProblemType::RefreshTokenInvalid).as_deref(), Some(plain));
    let refused = origin.get(paths::ME).await;
    assert_eq!(challenge(refused, ProblemType::Unauthenticated).as_deref(), Some(plain));
    assert_eq!(challenge(me(&origin, "forged").await, ProblemType::TokenInvalid).as_deref(), Some(invalid));
    origin.clock.advance_ms(DAY_MS);
    assert_eq!(challenge(me(&origin, &ada.token).await, ProblemType::TokenExpired).as_deref(), Some(invalid));
}

async fn only_authors_change_modules(origin: TestOrigin) {
    let learner = origin.learner("learner").await;
    let admin = origin.person("admin", &[Role::Admin]).await;
    let author = origin.author().await;
    let calls = |slug: &str| {
        let module = paths::module(slug);
        let mut replacement = draft(slug);
        replacement["version"] = json!(1);
        [
            (Method::POST, paths::MODULES.to_owned(), draft(slug)),
            (Method::PUT, module.clone(), replacement),
            (Method::DELETE, format!("{module}?version=2"), json!({})),
        ]
    };
    for (method, path, body) in &calls("caching") {
        let anonymous = origin.send(origin.request(method.clone(), path).json(body)).await;
        let _ = anonymous.problem(ProblemType::Unauthenticated);
        assert_eq!(anonymous.header("www-authenticate"), Some("Bearer realm=\"kairos\""));
        let _ = origin.send_as(&learner, method.clone(), path, body).await.problem(ProblemType::Forbidden);
    }
    for (person, slug) in [(&author, "caching"), (&admin, "vary")] {
        for ((method, path, body), status) in calls(slug).iter().zip([201, 200, 204]) {
            let _ = origin.send_as(person, method.clone(), path, body).await.expect(status);
        }
    }
}

async fn what_is_granted_is_never_stored(origin: TestOrigin) {
    let registered = register(&origin, "ada@example.org").await.expect(201);
    let grant: TokenGrant = registered.json();
    let logged_in = login(&origin, "ada@example.org", PASSWORD).await.expect(200);
    let refreshed = refresh(&origin, &grant.refresh_token).await.expect(200);
    for reply in [registered, logged_in, refreshed] {
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert!(reply.header("etag").is_none() && reply.header("cdn-cache-control").is_none());
    }
    // A profile is its owner's: no shared cache may have it.
    let ada = Person { id: grant.profile.id, email: grant.profile.email, token: grant.access_token };
    let profile = origin.get_as(&ada, paths::ME).await.expect(200);
    assert_eq!(profile.header("cache-control"), Some("private, no-cache"));
    assert!(profile.header("cdn-cache-control").is_none());
}
