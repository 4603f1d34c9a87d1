//! Sessions: begun, continued with a refresh token, ended. Each is one document, so that what happens to it at the same moment
//! happens one after the other. Expired ones are deleted by the TTL index and not honoured before that.

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use mongodb::bson::{Document, doc};
use mongodb::options::{ReadPreference, SelectionCriteria};

use super::MongoStore;
use super::documents::{SESSIONS, SessionDocument, USERS, date};
use crate::store::sessions::{NewSession, Rotation, Successor};
use crate::store::{self, SessionStore};

#[async_trait]
impl SessionStore for MongoStore {
    async fn insert_session(&self, session: &NewSession) -> store::Result<bool> {
        let (sessions, users) = (self.collection::<SessionDocument>(SESSIONS), self.collection::<Document>(USERS));
        let account = doc! { "_id": session.user.as_str(), "hashed_password": &session.verified_hash };
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
            let is_current = users
                .find_one(account)
                .projection(doc! { "_id": 1 })
                .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary));
            if is_current.await?.is_some() {
                return Ok(true);
            }
            sessions.delete_one(doc! { "_id": family }).await?;
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
            let session = doc! { "_id": &family, "expires_at": { "$gt": date(now) } };
            // A pipeline: the fields change only if `shown` is still the newest token.
            let if_newest = |new: mongodb::bson::Bson, field: &str| {
                doc! { "$cond": [{ "$eq": ["$token_hash", &shown] }, new, field] }
            };
            let advance = doc! { "$set": {
                "token_hash": if_newest(next.token_hash.as_str().into(), "$token_hash"),
                "previous_hash": if_newest(shown.as_str().into(), "$previous_hash"),
                "expires_at": if_newest(date(next.expires_at_ms).into(), "$expires_at"),
            } };
            let Some(before) = sessions.find_one_and_update(session, vec![advance]).await? else {
                return Ok(Rotation::Unknown);
            };
            let is_repeat = before.token_hash == next.token_hash && before.previous_hash.as_ref() == Some(&shown);
            if before.token_hash == shown || is_repeat {
                return Ok(Rotation::Rotated { user: before.user_id });
            }
            sessions.delete_one(doc! { "_id": &family }).await?;
            Ok(Rotation::Reused)
        })
        .await
    }

    async fn end_session(&self, family: &str) -> store::Result<()> {
        let sessions = self.collection::<Document>(SESSIONS);
        let session = doc! { "_id": family };
        self.run(async move { sessions.delete_one(session).await.map(drop) }).await
    }
}
