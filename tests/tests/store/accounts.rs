//! Accounts, sessions, the signing keys.

use kairos_origin::store::Store;
use kairos_origin::store::accounts::Account;
use kairos_origin::store::keys::{KeyRing, SigningKey};
use kairos_origin::store::sessions::{NewSession, Rotation, Successor};
use kairos_protocol::api::account::Role;
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
    assert_eq!(store.profile(&ada.id).await.unwrap().value, Some(ada.profile()));
    assert_eq!(store.profile(&user("other")).await.unwrap().value, None);
}

pub(crate) async fn an_account_is_put_over_the_one_with_its_email(world: World) {
    let store = world.store().await;
    assert_eq!(store.put_account(&account("ada"), NOW).await.unwrap().value, user("ada"));
    let mut changed = account("new-id");
    changed.email = "ada@example.org".to_owned();
    changed.roles = vec![Role::Learner, Role::Author];
    changed.hashed_password = None;
    assert_eq!(store.put_account(&changed, NOW).await.unwrap().value, user("ada"));
    let stored = store.account_by_email("ada@example.org").await.unwrap().unwrap();
    assert_eq!(stored.roles, [Role::Learner, Role::Author]);
    assert_eq!(stored.hashed_password.as_deref(), Some("a hash"));
}

pub(crate) async fn a_new_password_ends_the_sessions(world: World) {
    let store = world.store().await;
    store.put_account(&account("ada"), NOW).await.unwrap();
    assert!(store.insert_session(&session("f")).await.unwrap());
    store.put_account(&account("bob"), NOW).await.unwrap();
    let unchanged = Account { hashed_password: None, ..account("ada") };
    store.put_account(&unchanged, NOW).await.unwrap();
    assert_eq!(store.rotate_session("f", "one", &successor("two"), NOW).await.unwrap(), rotated());
    store.put_account(&account("ada"), NOW).await.unwrap();
    assert_eq!(store.rotate_session("f", "two", &successor("three"), NOW).await.unwrap(), Rotation::Unknown);
}

pub(crate) async fn no_session_begins_under_an_old_password(world: World) {
    let store = world.store().await;
    store.put_account(&account("ada"), NOW).await.unwrap();
    let changed = Account { hashed_password: Some("another hash".to_owned()), ..account("ada") };
    store.put_account(&changed, NOW).await.unwrap();
    assert!(!store.insert_session(&session("f")).await.unwrap());
    assert_eq!(store.rotate_session("f", "one", &successor("two"), NOW).await.unwrap(), Rotation::Unknown);
    let verified = NewSession { verified_hash: "another hash".to_owned(), ..session("f") };
    assert!(store.insert_session(&verified).await.unwrap());
    let unknown = NewSession { user: user("nobody"), ..session("g") };
    assert!(!store.insert_session(&unknown).await.unwrap());
}

pub(crate) async fn a_password_change_and_a_sign_in_at_once_leave_no_session(world: World) {
    let store = world.store().await;
    store.put_account(&account("ada"), NOW).await.unwrap();
    for round in 0..20 {
        let (old, new) = (format!("hash {round}"), format!("hash {}", round + 1));
        let with = |hash: &str| Account { hashed_password: Some(hash.to_owned()), ..account("ada") };
        store.put_account(&with(&old), NOW).await.unwrap();
        let families: Vec<String> = (0..8).map(|n| format!("{round}-{n}")).collect();
        let begin = families.iter().map(|family| {
            let session = NewSession { verified_hash: old.clone(), ..session(family) };
            let store = &store;
            async move { store.insert_session(&session).await.unwrap() }
        });
        let change = with(&new);
        let _ = tokio::join!(futures_util::future::join_all(begin), store.put_account(&change, NOW));
        for family in &families {
            let shown = store.rotate_session(family, "one", &successor("two"), NOW).await.unwrap();
            assert_eq!(shown, Rotation::Unknown, "{family}");
        }
    }
}

pub(crate) async fn imports_leave_accounts_alone(world: World) {
    let store = world.store().await;
    store.insert_account(&account("ada")).await.unwrap();
    let mut again = account("ada");
    again.display_name = "Somebody else".to_owned();
    assert_eq!(store.import_accounts(&[again, account("bob")]).await.unwrap(), 1);
    assert_eq!(store.profile(&user("ada")).await.unwrap().value.unwrap().display_name, "ada");
    assert_eq!(store.import_accounts(&[]).await.unwrap(), 0);
}

fn session(family: &str) -> NewSession {
    NewSession {
        family: family.to_owned(),
        user: user("ada"),
        verified_hash: "a hash".to_owned(),
        token_hash: "one".to_owned(),
        expires_at_ms: NOW + 1_000_000,
    }
}

fn successor(token_hash: &str) -> Successor {
    Successor { token_hash: token_hash.to_owned(), expires_at_ms: NOW + 2_000_000 }
}

fn rotated() -> Rotation {
    Rotation::Rotated { user: user("ada") }
}

async fn begin(store: &dyn Store, families: &[&str]) {
    store.put_account(&account("ada"), NOW).await.unwrap();
    for family in families {
        assert!(store.insert_session(&session(family)).await.unwrap());
    }
}

pub(crate) async fn a_token_is_traded_again_until_its_successor_is_used(world: World) {
    let store = world.store().await;
    begin(&*store, &["f", "g"]).await;
    for late in [0, 1, 60_001, 1_999_999] {
        let shown = store.rotate_session("f", "one", &successor("two"), NOW + late).await;
        assert_eq!(shown.unwrap(), rotated(), "{late}");
        if late == 0 {
            // Its own end passes; the successor's is what counts then.
            assert_eq!(store.rotate_session("g", "one", &successor("two"), NOW).await.unwrap(), rotated());
        }
    }
    assert_eq!(store.rotate_session("f", "two", &successor("three"), NOW).await.unwrap(), rotated());
    assert_eq!(store.rotate_session("f", "one", &successor("two"), NOW).await.unwrap(), Rotation::Reused);
    assert_eq!(store.rotate_session("f", "three", &successor("four"), NOW).await.unwrap(), Rotation::Unknown);
    assert_eq!(store.rotate_session("g", "two", &successor("three"), NOW).await.unwrap(), rotated());
}

pub(crate) async fn a_token_that_never_was_the_sessions_ends_it(world: World) {
    let store = world.store().await;
    begin(&*store, &["f"]).await;
    assert_eq!(store.rotate_session("f", "made up", &successor("two"), NOW).await.unwrap(), Rotation::Reused);
    assert_eq!(store.rotate_session("f", "one", &successor("two"), NOW).await.unwrap(), Rotation::Unknown);
}

pub(crate) async fn one_token_shown_by_many_at_once_is_traded_once(world: World) {
    let stores = [world.store().await, world.store().await];
    begin(&*stores[0], &["f"]).await;
    let mut newest = "one".to_owned();
    for round in 0..10 {
        let next = format!("two-{round}");
        let shown = (0..8).map(|n| {
            let (store, newest, next) = (&stores[n % 2], &newest, successor(&next));
            async move { store.rotate_session("f", newest, &next, NOW).await.unwrap() }
        });
        let all = futures_util::future::join_all(shown).await;
        assert!(all.iter().all(|one| *one == rotated()), "{all:?}");
        newest = next;
    }
}

pub(crate) async fn a_session_ended_while_it_is_continued_stays_ended(world: World) {
    let store = world.store().await;
    begin(&*store, &[]).await;
    for round in 0..20 {
        let family = format!("f{round}");
        assert!(store.insert_session(&session(&family)).await.unwrap());
        let (two, three) = (successor("two"), successor("three"));
        let continued = async {
            store.rotate_session(&family, "one", &two, NOW).await.unwrap();
            store.rotate_session(&family, "two", &three, NOW).await.unwrap()
        };
        let (_, ended) = tokio::join!(continued, store.end_session(&family));
        ended.unwrap();
        for (token, next) in [("one", &two), ("two", &three), ("three", &successor("four"))] {
            let shown = store.rotate_session(&family, token, next, NOW).await.unwrap();
            assert_eq!(shown, Rotation::Unknown, "round {round}, token {token}");
        }
    }
}

pub(crate) async fn an_ended_session_is_over(world: World) {
    let store = world.store().await;
    begin(&*store, &["f"]).await;
    store.rotate_session("f", "one", &successor("two"), NOW).await.unwrap();
    store.end_session("f").await.unwrap();
    store.end_session("f").await.unwrap();
    store.end_session("never seen").await.unwrap();
    assert_eq!(store.rotate_session("f", "two", &successor("three"), NOW).await.unwrap(), Rotation::Unknown);
}

pub(crate) async fn expired_tokens_do_not_work(world: World) {
    let store = world.store().await;
    begin(&*store, &["f"]).await;
    let late = NOW + 1_000_000;
    assert_eq!(store.rotate_session("f", "one", &successor("two"), late).await.unwrap(), Rotation::Unknown);
}

pub(crate) async fn all_instances_get_the_same_signing_keys(world: World) {
    let (one, two) = (world.store().await, world.store().await);
    let key = |n: u8, verifies_until_ms| SigningKey {
        kid: format!("key-{n}"),
        pkcs8: vec![n; 48],
        public: [n; 32],
        signs_from_ms: NOW + i64::from(n),
        verifies_until_ms,
    };
    let ring = |version, n: u8| KeyRing {
        version,
        installation: format!("installation-{n}"),
        refresh_secret: vec![n; 32],
        keys: vec![key(n, None), key(n + 10, Some(NOW))],
    };
    assert!(one.key_ring().await.unwrap().is_none());
    for version in 1..4 {
        let (a, b) = (ring(version, 1), ring(version, 2));
        let (is_a, is_b) = tokio::join!(one.put_key_ring(&a), two.put_key_ring(&b));
        let (is_a, is_b) = (is_a.unwrap(), is_b.unwrap());
        assert!(is_a != is_b, "one of both: {is_a}, {is_b}");
        for store in [&one, &two] {
            assert!(store.key_ring().await.unwrap().unwrap() == if is_a { a.clone() } else { b.clone() });
        }
        for old in [version, version + 2] {
            assert!(!one.put_key_ring(&ring(old, 3)).await.unwrap(), "{old} after {version}");
        }
    }
}
