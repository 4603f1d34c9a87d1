//! Records to put into a store.

use kairos_origin::store::accounts::Account;
use kairos_origin::store::progress::FingerprintedOperation;
use kairos_protocol::api::account::Role;
use kairos_protocol::api::catalog::{Difficulty, Module, ModuleDraft, Publication};
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::operation::{Action, Operation};

/// The time in these tests. By the server's own clock it is never past: once a minute MongoDB removes what has expired by that.
pub(crate) const NOW: i64 = 4_000_000_000_000;

pub(crate) fn slug(text: &str) -> Slug {
    Slug::new(text).unwrap()
}

pub(crate) fn user(text: &str) -> UserId {
    UserId::new(text).unwrap()
}

/// A published module with nothing special.
pub(crate) fn module(name: &str) -> Module {
    let draft = ModuleDraft {
        slug: slug(name),
        title: format!("About {name}"),
        subject: "Caching".to_owned(),
        position: 0,
        difficulty: Difficulty::Beginner,
        tags: Vec::new(),
        language: "en".to_owned(),
        summary: String::new(),
        content: "Some text.".to_owned(),
        duration_minutes: 5,
        status: Publication::Published,
        version: None,
    };
    draft.into_module(NOW)
}

pub(crate) fn account(name: &str) -> Account {
    Account {
        id: user(name),
        email: format!("{name}@example.org"),
        display_name: name.to_owned(),
        hashed_password: Some("a hash".to_owned()),
        roles: vec![Role::Learner],
        created_at_ms: NOW,
    }
}

pub(crate) fn operation(id: &str, module: &str, at_ms: i64, action: Action) -> FingerprintedOperation {
    let id = OperationId::new(id).unwrap();
    FingerprintedOperation::new(Operation { id, module: slug(module), at_ms, action })
}
