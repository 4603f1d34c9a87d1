//! Refresh tokens: kept, rotated, ended. Expired ones are deleted by the TTL index and not honoured before that.

use kairos_protocol::UnixMillis;
use mongodb::bson::{Document, doc};

use super::MongoStore;
use super::documents::{SESSIONS, SessionDocument, date};
use crate::store;
use crate::store::records::{NewSession, Rotation, Successor};

impl MongoStore {
    pub(super) async fn add_session(&self, session: &NewSession) -> store::Result<()> {
        let sessions = self.collection::<SessionDocument>(SESSIONS);
        let document = SessionDocument {
            token_hash: session.token_hash.clone(),
            user_id: session.user.clone(),
            family: session.family.clone(),
            expires_at: date(session.expires_at_ms),
            rotated_at: None,
        };
        self.run(async move { sessions.insert_one(document).await.map(drop) }).await
    }

    pub(super) async fn rotate(&self, shown: &str, next: &Successor, now: UnixMillis) -> store::Result<Rotation> {
        let sessions = self.collection::<SessionDocument>(SESSIONS);
        let (shown, next) = (shown.to_owned(), next.clone());
        self.run(async move {
            let is_valid = doc! { "_id": &shown, "expires_at": { "$gt": date(now) } };
            // The first to show it sets the time; a pipeline, so that later ones leave it as it is.
            let mark = vec![doc! { "$set": { "rotated_at": { "$ifNull": ["$rotated_at", date(now)] } } }];
            let Some(before) = sessions.find_one_and_update(is_valid, mark).await? else {
                return Ok(Rotation::Unknown);
            };
            if before.rotated_at.is_some_and(|at| now - at.timestamp_millis() > Rotation::GRACE_MS) {
                sessions.delete_many(doc! { "family": &before.family }).await?;
                return Ok(Rotation::Reused);
            }
            let user = before.user_id.clone();
            let successor = SessionDocument {
                token_hash: next.token_hash,
                user_id: before.user_id,
                family: before.family.clone(),
                expires_at: date(next.expires_at_ms),
                rotated_at: None,
            };
            sessions.insert_one(successor).await?;
            // Ended meanwhile? Then the successor must not outlive its family.
            if sessions.find_one(doc! { "_id": &shown }).await?.is_none() {
                sessions.delete_many(doc! { "family": &before.family }).await?;
                return Ok(Rotation::Unknown);
            }
            Ok(Rotation::Rotated { user })
        })
        .await
    }

    pub(super) async fn remove_family(&self, token_hash: &str) -> store::Result<()> {
        let sessions = self.collection::<Document>(SESSIONS);
        let token_hash = token_hash.to_owned();
        self.run(async move {
            let shown = sessions.find_one(doc! { "_id": token_hash }).projection(doc! { "family": 1 }).await?;
            if let Some(family) = shown.as_ref().and_then(|d| d.get_str("family").ok()) {
                sessions.delete_many(doc! { "family": family }).await?;
            }
            Ok(())
        })
        .await
    }
}
