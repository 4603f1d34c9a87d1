//! Access tokens that were not given out, or no longer hold: each gets its problem with a challenge, and opens nothing.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed check fails the test")]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use kairos_origin::store::KeyStore;
use kairos_protocol::api::account::{Claims, KeySet, Role};
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType as P;
use kairos_tests::origin::{TestOrigin, draft};
use reqwest::Method;
use serde_json::{Value, json};

/// A token of three given parts.
fn token(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

async fn signing_key(origin: &TestOrigin) -> EncodingKey {
    EncodingKey::from_ed_der(&origin.store.key_ring().await.unwrap().unwrap().keys[0].pkcs8)
}

#[tokio::test]
async fn forged_and_expired_tokens_open_nothing() {
    let origin = &TestOrigin::builder().start().await.unwrap();
    let (ada, author) = (&origin.learner("ada").await, &origin.author().await);
    let parts: Vec<&str> = ada.token.split('.').collect();
    let decode_part = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let (header, claims) = (decode_part(parts[0]), decode_part(parts[1]));
    let kid = header["kid"].as_str().unwrap().to_owned();
    let keys: KeySet = origin.get(paths::JWKS).await.ok();
    let public = URL_SAFE_NO_PAD.decode(&keys.keys[0].x).unwrap();
    let typed: Claims = serde_json::from_value(claims.clone()).unwrap();
    let admin = Claims { roles: vec![Role::Admin], ..typed.clone() };
    let sign = |algorithm, kid: &str, claims: &Claims, key: &EncodingKey| {
        encode(&Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) }, claims, key).unwrap()
    };
    let elsewhere = TestOrigin::builder().start().await.unwrap();
    let other_key = signing_key(&elsewhere).await;
    let own_key = signing_key(origin).await;
    let mut elevated = claims.clone();
    elevated["roles"] = json!(["admin"]);
    let none = json!({ "alg": "none", "typ": "JWT", "kid": kid });
    let invalid = [
        ("no algorithm", token(&none, &elevated, "")),
        ("no algorithm, a signature", token(&none, &elevated, parts[2])),
        ("tampered payload", token(&header, &elevated, parts[2])),
        ("signature cut", format!("{}.{}.", parts[0], parts[1])),
        ("signature of another", format!("{}.{}.{}", parts[0], parts[1], author.token.rsplit('.').next().unwrap())),
        ("HS256 with the public key", sign(Algorithm::HS256, &kid, &admin, &EncodingKey::from_secret(&public))),
        (
            "HS256 with its text",
            sign(Algorithm::HS256, &kid, &admin, &EncodingKey::from_secret(keys.keys[0].x.as_bytes())),
        ),
        ("another key, our kid", sign(Algorithm::EdDSA, &kid, &admin, &other_key)),
        ("another kid", sign(Algorithm::EdDSA, "other", &admin, &own_key)),
        ("another issuer", sign(Algorithm::EdDSA, &kid, &Claims { iss: "eve".to_owned(), ..typed.clone() }, &own_key)),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{}.x", ada.token)),
        ("nonsense", "nonsense".to_owned()),
        ("not JSON", "bm8.bm8.bm8".to_owned()),
        ("very long", "x".repeat(5_000)),
    ];
    for (name, forged) in &invalid {
        for (method, path) in
            [(Method::GET, paths::ME), (Method::POST, paths::MODULES), (Method::POST, paths::OPERATIONS)]
        {
            let reply = origin.send(origin.request(method, path).bearer_auth(forged).json(&draft("forged"))).await;
            assert_eq!(reply.status, 401, "{name} at {path}: {}", reply.text());
            let _ = reply.problem(P::TokenInvalid);
            assert!(reply.header("www-authenticate").unwrap().contains("invalid_token"), "{name}");
        }
    }
    let expired = sign(Algorithm::EdDSA, &kid, &Claims { exp: typed.iat - 10, ..typed }, &own_key);
    let _ = origin.send(origin.request(Method::GET, paths::ME).bearer_auth(expired)).await.problem(P::TokenExpired);
    let _ = origin.get("/v1/modules/forged").await.problem(P::NotFound);
}

#[tokio::test]
async fn without_a_token_nobody_is_signed_in() {
    let origin = TestOrigin::builder().start().await.unwrap();
    let ada = origin.learner("ada").await;
    for header in ["", "Bearer", "Bearer ", "Basic YWRhOnB3", &ada.token, "bearer"] {
        let reply = origin.send(origin.request(Method::GET, paths::ME).header("authorization", header)).await;
        let _ = reply.problem(P::Unauthenticated);
    }
    let twice = origin.request(Method::GET, paths::ME).bearer_auth(&ada.token).bearer_auth("other");
    let _ = origin.send(twice).await.problem(P::Unauthenticated);
}
