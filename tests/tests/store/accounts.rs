//! Accounts, sessions, the signing key.

use kairos_origin::store::records::{Account, NewSession, Rotation, SigningKey, Successor};
use kairos_protocol::account::Role;
use kairos_tests::world::World;

use super::samples::{NOW, account, user};

pub(crate) async fn emails_are_unique(world: World) {
    let store = world.store().await;
    let ada = account("ada");
    assert!(store.insert_account(&ada).await.unwrap());
    let mut other = account("other");
    other.email.clone_from(&ada.email);
    assert!(!store.insert_account(&other).await.unwrap());
    assert!(store.account_by_email("ada@example.org").await.unwrap() == Some(ada.clone()));
    assert!(store.account_by_email("nobody@example.org").await.unwrap().is_none());
    assert_eq!(store.profile(&ada.id).await.unwrap(), Some(ada.profile()));
    assert_eq!(store.profile(&user("other")).await.unwrap(), None);
}

pub(crate) async fn an_account_is_put_over_the_one_with_its_email(world: World) {
    let store = world.store().await;
    assert_eq!(store.put_account(&account("ada")).await.unwrap(), user("ada"));
    let mut changed = account("new-id");
    changed.email = "ada@example.org".to_owned();
    changed.roles = vec![Role::Learner, Role::Author];
    changed.hashed_password = None;
    assert_eq!(store.put_account(&changed).await.unwrap(), user("ada"));
    let stored = store.account_by_email("ada@example.org").await.unwrap().unwrap();
    assert_eq!(stored.roles, [Role::Learner, Role::Author]);
    assert_eq!(stored.hashed_password.as_deref(), Some("a hash"));
}

pub(crate) async fn a_new_password_ends_the_sessions(world: World) {
    let store = world.store().await;
    store.put_account(&account("ada")).await.unwrap();
    store.insert_session(&session("one", "f")).await.unwrap();
    store.put_account(&account("bob")).await.unwrap();
    let unchanged = Account { hashed_password: None, ..account("ada") };
    store.put_account(&unchanged).await.unwrap();
    assert_eq!(store.rotate_session("one", &successor("two"), NOW).await.unwrap(), rotated());
    store.put_account(&account("ada")).await.unwrap();
    assert_eq!(store.rotate_session("two", &successor("three"), NOW).await.unwrap(), Rotation::Unknown);
}

pub(crate) async fn imports_leave_accounts_alone(world: World) {
    let store = world.store().await;
    store.insert_account(&account("ada")).await.unwrap();
    let mut again = account("ada");
    again.display_name = "Somebody else".to_owned();
    assert_eq!(store.import_accounts(&[again, account("bob")]).await.unwrap(), 1);
    assert_eq!(store.profile(&user("ada")).await.unwrap().unwrap().display_name, "ada");
    assert_eq!(store.import_accounts(&[]).await.unwrap(), 0);
}

fn session(token_hash: &str, family: &str) -> NewSession {
    NewSession {
        token_hash: token_hash.to_owned(),
        user: user("ada"),
        family: family.to_owned(),
        expires_at_ms: NOW + 1_000_000,
    }
}

fn successor(token_hash: &str) -> Successor {
    Successor { token_hash: token_hash.to_owned(), expires_at_ms: NOW + 2_000_000 }
}

fn rotated() -> Rotation {
    Rotation::Rotated { user: user("ada") }
}

pub(crate) async fn a_rotated_token_works_for_a_minute(world: World) {
    let store = world.store().await;
    store.insert_session(&session("one", "f")).await.unwrap();
    assert_eq!(store.rotate_session("one", &successor("two"), NOW).await.unwrap(), rotated());
    assert_eq!(store.rotate_session("one", &successor("three"), NOW + Rotation::GRACE_MS).await.unwrap(), rotated());
    // Both successors are of the session.
    assert_eq!(store.rotate_session("two", &successor("four"), NOW + 90_000).await.unwrap(), rotated());
    assert_eq!(store.rotate_session("three", &successor("five"), NOW + 90_000).await.unwrap(), rotated());
}

pub(crate) async fn a_token_shown_later_ends_the_session(world: World) {
    let store = world.store().await;
    store.insert_session(&session("one", "f")).await.unwrap();
    store.insert_session(&session("elsewhere", "g")).await.unwrap();
    assert_eq!(store.rotate_session("one", &successor("two"), NOW).await.unwrap(), rotated());
    let late = NOW + Rotation::GRACE_MS + 1;
    assert_eq!(store.rotate_session("one", &successor("three"), late).await.unwrap(), Rotation::Reused);
    assert_eq!(store.rotate_session("two", &successor("four"), late).await.unwrap(), Rotation::Unknown);
    assert_eq!(store.rotate_session("elsewhere", &successor("five"), late).await.unwrap(), rotated());
}

pub(crate) async fn an_ended_session_is_over(world: World) {
    let store = world.store().await;
    store.insert_session(&session("one", "f")).await.unwrap();
    store.rotate_session("one", &successor("two"), NOW).await.unwrap();
    store.end_session("one").await.unwrap();
    store.end_session("one").await.unwrap();
    store.end_session("never seen").await.unwrap();
    assert_eq!(store.rotate_session("two", &successor("three"), NOW).await.unwrap(), Rotation::Unknown);
}

pub(crate) async fn expired_tokens_do_not_work(world: World) {
    let store = world.store().await;
    store.insert_session(&session("one", "f")).await.unwrap();
    assert_eq!(store.rotate_session("one", &successor("two"), NOW + 1_000_000).await.unwrap(), Rotation::Unknown);
}

pub(crate) async fn all_instances_get_one_signing_key(world: World) {
    let (one, two) = (world.store().await, world.store().await);
    let key = |n: u8| SigningKey { kid: format!("key-{n}"), pkcs8: vec![n; 48], public: [n; 32] };
    let (a_candidate, another_candidate) = (key(1), key(2));
    let (a, b) = tokio::join!(one.signing_key(&a_candidate), two.signing_key(&another_candidate));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!(a == b, "{} and {}", a.kid, b.kid);
    assert!(one.signing_key(&key(3)).await.unwrap() == a);
}
