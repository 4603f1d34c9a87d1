//! Accounts, sessions and tokens, over HTTP. Forged and broken tokens are in `bad_input.rs`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failed check fails the test")]

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use kairos_protocol::account::{Claims, KeySet, Profile, Role, TokenGrant};
use kairos_protocol::paths;
use kairos_protocol::problem::ProblemType;
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
    fields_are_checked_by_name
    a_refresh_token_is_good_once_and_its_reuse_ends_the_session
    signing_out_ends_the_session_alone
    tokens_expire
    the_published_keys_verify_the_tokens
    only_authors_change_modules
    what_is_granted_is_never_kept
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
    let attempts = futures_util::future::join_all((0..6).map(|_| register(&origin, "ada@example.org"))).await;
    let mut statuses: Vec<u16> = attempts.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
    let _ = register(&origin, "ADA@EXAMPLE.ORG").await.problem(ProblemType::EmailTaken);
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

async fn a_refresh_token_is_good_once_and_its_reuse_ends_the_session(origin: TestOrigin) {
    let first: TokenGrant = register(&origin, "ada@example.org").await.expect(201).json();
    let second: TokenGrant = refresh(&origin, &first.refresh_token).await.ok();
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_eq!(me(&origin, &second.access_token).await.ok::<Profile>(), first.profile);
    // Its answer may have been lost: for a minute it may be shown again.
    let third: TokenGrant = refresh(&origin, &first.refresh_token).await.ok();

    origin.clock.advance_ms(2 * MINUTE_MS);
    let _ = refresh(&origin, &first.refresh_token).await.problem(ProblemType::RefreshTokenInvalid);
    for descendant in [&second, &third] {
        let _ = refresh(&origin, &descendant.refresh_token).await.problem(ProblemType::RefreshTokenInvalid);
    }
    // Signing in again starts another session.
    let again: TokenGrant = login(&origin, "ada@example.org", PASSWORD).await.ok();
    let _: TokenGrant = refresh(&origin, &again.refresh_token).await.ok();
    let _ = refresh(&origin, "never given out").await.problem(ProblemType::RefreshTokenInvalid);
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

async fn only_authors_change_modules(origin: TestOrigin) {
    let learner = origin.learner("learner").await;
    let admin = origin.person("admin", &[Role::Admin]).await;
    let author = origin.author().await;
    let module = paths::module("caching");
    let mut replacement = draft("caching");
    replacement["version"] = json!(1);
    let calls = [
        (Method::POST, paths::MODULES, draft("caching")),
        (Method::PUT, &module, replacement),
        (Method::DELETE, &module, json!({})),
    ];
    for (method, path, body) in &calls {
        let anonymous = origin.send(origin.request(method.clone(), path).json(body)).await;
        let _ = anonymous.problem(ProblemType::Unauthenticated);
        assert_eq!(anonymous.header("www-authenticate"), Some("Bearer"));
        let _ = origin.send_as(&learner, method.clone(), path, body).await.problem(ProblemType::Forbidden);
    }
    for person in [&author, &admin] {
        for ((method, path, body), status) in calls.iter().zip([201, 200, 204]) {
            let _ = origin.send_as(person, method.clone(), path, body).await.expect(status);
        }
    }
}

async fn what_is_granted_is_never_kept(origin: TestOrigin) {
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
