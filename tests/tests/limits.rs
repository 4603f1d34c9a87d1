//! How often one may sign in, register and write, and that whoever does so too often is told when to come again.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed check fails the test")]

use std::time::{Duration, Instant};

use kairos_origin::limits::{Rate, RateLimitConfig, Rates, TrustedProxies};
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use kairos_tests::in_every_world;
use kairos_tests::origin::{PASSWORD, Person, TestOrigin, draft};
use kairos_tests::reply::Reply;
use reqwest::Method;
use serde_json::{Value, json};

/// One a second after the burst.
const SLOWLY: u32 = 60;

fn generous() -> Rates {
    let generous = Rate { burst: 10_000, per_minute: 10_000 };
    Rates {
        account_sign_ins: generous,
        address_sign_ins: generous,
        address_registrations: generous,
        learner_batches: generous,
        author_writes: generous,
    }
}

fn of(burst: u32) -> Rate {
    Rate { burst, per_minute: SLOWLY }
}

/// Tests come from 127.0.0.1: it is a proxy.
fn limited(rates: Rates) -> RateLimitConfig {
    let trusted_proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    RateLimitConfig { rates: Some(rates), trusted_proxies }
}

async fn start(rates: Rates) -> TestOrigin {
    TestOrigin::builder().with_limits(limited(rates)).start().await.unwrap()
}

/// Seconds after which to try again.
#[track_caller]
fn too_many(reply: &Reply) -> u64 {
    let problem = reply.problem(ProblemType::TooManyRequests);
    let secs: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!(secs >= 1 && problem.detail.contains(&format!("{secs} s")), "{secs} {problem:?}");
    secs
}

async fn sign_in(origin: &TestOrigin, email: &str, password: &str, address: &str) -> Reply {
    let body = json!({ "email": email, "password": password });
    let request = origin.request(Method::POST, paths::LOGIN).json(&body);
    origin.send(if address.is_empty() { request } else { request.header("x-forwarded-for", address) }).await
}

#[tokio::test]
async fn guessing_a_password_is_refused_before_it_is_looked_at() {
    let origin = start(Rates { account_sign_ins: of(3), ..generous() }).await;
    let ada = origin.learner("ada").await;
    for n in 0..3 {
        let guess = sign_in(&origin, &ada.email, &format!("guess {n} of many"), &format!("192.0.2.{n}")).await;
        let _ = guess.problem(ProblemType::WrongCredentials);
    }
    // From wherever it comes, and however the email is written, and even with the right password.
    let began = Instant::now();
    let mut refused = 0;
    for email in [ada.email.clone(), ada.email.to_uppercase(), format!(" {} ", ada.email)].iter().cycle().take(60) {
        refused += u32::from(sign_in(&origin, email, PASSWORD, "198.51.100.7").await.status == 429);
    }
    // One becomes free each second.
    let freed = u32::try_from(began.elapsed().as_secs()).unwrap() + 1;
    assert!(refused >= 60 - freed, "{refused} of 60 in {:?}", began.elapsed());
    // The others are not concerned, nor is who asks for an account that there is none of told apart.
    let grace = origin.learner("grace").await;
    let _ = sign_in(&origin, &grace.email, PASSWORD, "198.51.100.7").await.expect(200);
    for _ in 0..3 {
        let nobody = sign_in(&origin, "nobody@example.org", PASSWORD, "").await;
        let _ = nobody.problem(ProblemType::WrongCredentials);
    }
    too_many(&sign_in(&origin, "nobody@example.org", PASSWORD, "").await);
}

#[tokio::test]
async fn who_waits_as_long_as_told_is_let_in() {
    let origin = start(Rates { account_sign_ins: of(1), ..generous() }).await;
    let ada = origin.learner("ada").await;
    let _ = sign_in(&origin, &ada.email, PASSWORD, "").await.expect(200);
    let secs = too_many(&sign_in(&origin, &ada.email, PASSWORD, "").await);
    tokio::time::sleep(Duration::from_secs(secs)).await;
    let _ = sign_in(&origin, &ada.email, PASSWORD, "").await.expect(200);
}

#[tokio::test]
async fn an_address_is_limited_by_what_its_proxy_says_of_it() {
    let slow = Rate { burst: 2, per_minute: 1 };
    let origin = start(Rates { address_sign_ins: slow, address_registrations: slow, ..generous() }).await;
    let email = |n: usize| format!("nobody{n}@example.org");
    let attempts = [
        ("192.0.2.1", 401),
        // What the caller wrote itself stands left of what the proxy says.
        ("203.0.113.1, 192.0.2.1", 401),
        ("203.0.113.2, 192.0.2.1", 429),
        ("192.0.2.2", 401),
        // One network of IPv6.
        ("2001:db8::1", 401),
        ("2001:db8::2:0:0:1", 401),
        ("2001:db8:0:0:ffff::", 429),
        ("2001:db8:0:1::1", 401),
    ];
    for (n, (address, status)) in attempts.into_iter().enumerate() {
        let reply = sign_in(&origin, &email(n), PASSWORD, address).await;
        assert_eq!(reply.status, status, "{address}: {}", reply.text());
    }
    // A proxy that does not say for whom it asks: nobody pays for the others.
    for n in 0..4 {
        let _ = sign_in(&origin, &email(n), PASSWORD, "").await.expect(401);
        let _ = origin.learner(&format!("unknown{n}")).await;
    }
    for (n, status) in [201, 201, 429].into_iter().enumerate() {
        let body = json!({ "email": format!("new{n}@example.org"), "display_name": "New", "password": PASSWORD });
        let request = origin.request(Method::POST, paths::REGISTER).json(&body);
        let reply = origin.send(request.header("x-forwarded-for", "192.0.2.3")).await.expect(status);
        assert!(status == 201 || too_many(&reply) > 1);
    }
}

#[tokio::test]
async fn who_is_no_trusted_proxy_is_not_believed() {
    let rates = Rates { address_sign_ins: Rate { burst: 2, per_minute: 1 }, ..generous() };
    let config = RateLimitConfig { rates: Some(rates), trusted_proxies: TrustedProxies::default() };
    let origin = TestOrigin::builder().with_limits(config).start().await.unwrap();
    for (n, status) in [401, 401, 429].into_iter().enumerate() {
        let _ = sign_in(&origin, "nobody@example.org", PASSWORD, &format!("192.0.2.{n}")).await.expect(status);
    }
}

in_every_world! { what_was_refused_was_not_done }

async fn what_was_refused_was_not_done(origin: TestOrigin) {
    // The same data, behind limits.
    let rates = Rates { learner_batches: of(2), author_writes: of(2), ..generous() };
    let limited = origin.limited_sibling(limited(rates)).await;
    let (author, ada, grace) = (origin.author().await, origin.learner("ada").await, origin.learner("grace").await);
    limited.publish(&author, &["caching", "vary"]).await;
    too_many(&limited.send_as(&author, Method::POST, paths::MODULES, &draft("freshness")).await);
    let _ = limited.get("/v1/modules/freshness").await.expect(404);
    // Who may not write anyway is told that.
    let _ = limited.send_as(&ada, Method::POST, paths::MODULES, &draft("freshness")).await.expect(403);

    let batch = |id: &str| {
        let operation =
            json!({ "id": id, "module": "caching", "at_ms": 5, "action": { "kind": "study", "seconds": 60 } });
        json!({ "operations": [operation] })
    };
    let send =
        async |person: &Person, id: &str| limited.send_as(person, Method::POST, paths::OPERATIONS, &batch(id)).await;
    let _ = send(&ada, "op-1").await.expect(200);
    let _ = send(&ada, "op-2").await.expect(200);
    let secs = too_many(&send(&ada, "op-3").await);
    let _ = send(&grace, "op-1").await.expect(200);
    let seconds = async || limited.get_as(&ada, paths::STATISTICS).await.ok::<Value>()["time_spent_secs"].clone();
    assert_eq!(seconds().await, 120);
    // An outbox that comes again then loses nothing and counts nothing twice.
    tokio::time::sleep(Duration::from_secs(secs)).await;
    let _ = send(&ada, "op-3").await.expect(200);
    assert_eq!(seconds().await, 180);
}
