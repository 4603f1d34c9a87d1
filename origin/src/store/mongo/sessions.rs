//! Sessions: begun, continued with a refresh token, ended. Each is one document, so that what happens to it at the same moment
//! happens one after the other. Expired ones are deleted by the TTL index and not honoured before that.

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use mongodb::error::Result;
use mongodb::options::{ReadPreference, SelectionCriteria};

use super::MongoStore;
use super::account_queries::{end_query, password_query, rotate_query};
use super::documents::{SESSIONS, SessionDocument, USERS, date};
use super::shapes::{END_SESSION, ROTATE_SESSION, USER_PASSWORD};
use crate::store::sessions::{NewSession, Rotation, Successor};
use crate::store::{self, SessionStore};

#[async_trait]
impl SessionStore for MongoStore {
    async fn insert_session(&self, session: &NewSession) -> store::Result<bool> {
        let (sessions, users) = (self.collection::<SessionDocument>(SESSIONS), self.collection::<Document>(USERS));
        let account = password_query(&session.user, &session.verified_hash);
        let document = SessionDocument {
            family: session.family.clone(),
            user_id: session.user.clone(),
            token_hash: session.token_hash.clone(),
            previous_hash: None,
            expires_at: date(session.expires_at_ms),
        };
        self.run(async move {
            let family = document.family.clone();
            sessions.insert_one(document).await?;
            // A new password is written first and then ends the sessions that there are: either it ends this one, or it is
            // seen here. Nobody has the token yet, so it is no matter if this is where the process dies.
            let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
            let is_current = account.find_one(&users).selection_criteria(primary);
            if USER_PASSWORD.timed(is_current).await?.is_some() {
                return Ok(true);
            }
            end(&sessions, &family).await?;
            Ok(false)
        })
        .await
    }

    async fn rotate_session(
        &self,
        family: &str,
        shown: &str,
        next: &Successor,
        now: UnixMillis,
    ) -> store::Result<Rotation> {
        let sessions = self.collection::<SessionDocument>(SESSIONS);
        let (family, shown, next) = (family.to_owned(), shown.to_owned(), next.clone());
        self.run(async move {
            let session = rotate_query(&family, now).filter;
            // A pipeline: the fields change only if `shown` is still the newest token.
            let if_newest = |new: mongodb::bson::Bson, field: &str| {
                doc! { "$cond": [{ "$eq": ["$token_hash", &shown] }, new, field] }
            };
            let advance = doc! { "$set": {
                "token_hash": if_newest(next.token_hash.as_str().into(), "$token_hash"),
                "previous_hash": if_newest(shown.as_str().into(), "$previous_hash"),
                "expires_at": if_newest(date(next.expires_at_ms).into(), "$expires_at"),
            } };
            let rotate = sessions.find_one_and_update(session, vec![advance]).comment(ROTATE_SESSION.comment());
            let Some(before) = ROTATE_SESSION.timed(rotate).await? else {
                return Ok(Rotation::Unknown);
            };
            let is_repeat = before.token_hash == next.token_hash && before.previous_hash.as_ref() == Some(&shown);
            if before.token_hash == shown || is_repeat {
                return Ok(Rotation::Rotated { user: before.user_id });
            }
            end(&sessions, &family).await?;
            Ok(Rotation::Reused)
        })
        .await
    }

    async fn end_session(&self, family: &str) -> store::Result<()> {
        let sessions = self.collection::<Document>(SESSIONS);
        let family = family.to_owned();
        self.run(async move { end(&sessions, &family).await }).await
    }
}

async fn end<T: Send + Sync>(sessions: &Collection<T>, family: &str) -> Result<()> {
    let end = sessions.delete_one(end_query(family).filter).comment(END_SESSION.comment());
    END_SESSION.timed(end).await.map(drop)
}
