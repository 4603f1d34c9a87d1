//! The queries for accounts and sessions. Not what is done with what they find (`accounts`, `sessions`).

use kairos_protocol::UnixMillis;
use kairos_protocol::api::ids::UserId;
use mongodb::bson::doc;

use super::documents::date;
use super::query::Query;
use super::shapes::{END_SESSION, END_SESSIONS, PUT_USER, ROTATE_SESSION, USER_BY_EMAIL, USER_PASSWORD, USER_PROFILE};

pub(super) fn by_email_query(email: &str) -> Query {
    Query::new(&USER_BY_EMAIL, doc! { "email": email })
}

pub(super) fn put_query(email: &str) -> Query {
    Query::new(&PUT_USER, doc! { "email": email })
}

pub(super) fn profile_query(user: &UserId) -> Query {
    Query::by_id(&USER_PROFILE, user.as_str()).projection(doc! { "hashed_password": 0 })
}

pub(super) fn password_query(user: &UserId, hashed_password: &str) -> Query {
    let query = Query::by_id(&USER_PASSWORD, user.as_str()).and(doc! { "hashed_password": hashed_password });
    query.projection(doc! { "_id": 1 })
}

pub(super) fn rotate_query(family: &str, now: UnixMillis) -> Query {
    Query::by_id(&ROTATE_SESSION, family).and(doc! { "expires_at": { "$gt": date(now) } })
}

pub(super) fn end_query(family: &str) -> Query {
    Query::by_id(&END_SESSION, family)
}

pub(super) fn end_sessions_query(user: &UserId) -> Query {
    Query::new(&END_SESSIONS, doc! { "user_id": user.as_str() })
}
