//! The accounts.

use async_trait::async_trait;
use futures_util::FutureExt;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::Profile;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::sync::generation::Namespace;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::ReturnDocument;

use super::MongoStore;
use super::account_queries::{by_email_query, end_sessions_query, profile_query, put_query};
use super::documents::{SESSIONS, USERS, UserDocument, date};
use super::failure::is_duplicate;
use super::shapes::{END_SESSIONS, PUT_USER};
use super::transaction::Outcome;
use crate::store::accounts::Account;
use crate::store::{self, AccountStore, Versioned};

#[async_trait]
impl AccountStore for MongoStore {
    async fn insert_account(&self, account: &Account) -> store::Result<bool> {
        let users = self.collection::<UserDocument>(USERS);
        let document = UserDocument::from(account);
        self.run(async move {
            match users.insert_one(document).await {
                Ok(_) => Ok(true),
                Err(error) if is_duplicate(&error) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn put_account(&self, account: &Account, now: UnixMillis) -> store::Result<Versioned<UserId>> {
        let (users, sessions) = (self.collection::<Document>(USERS), self.collection::<Document>(SESSIONS));
        let roles: Vec<_> = account.roles.iter().map(|role| role.as_str()).collect();
        let mut set = doc! { "display_name": &account.display_name, "roles": roles };
        if let Some(hashed) = &account.hashed_password {
            set.insert("hashed_password", hashed);
        }
        let first = doc! { "_id": account.id.as_str(), "created_at": date(account.created_at_ms) };
        let change = doc! { "$set": set, "$setOnInsert": first };
        let query = put_query(&account.email).filter;
        let ends_sessions = account.hashed_password.is_some();
        let left = sessions.clone();
        let put = self.transact(None, now, move |session| {
            let (users, sessions) = (users.clone(), sessions.clone());
            let (query, change) = (query.clone(), change.clone());
            async move {
                let put = users
                    .find_one_and_update(query, change)
                    .comment(PUT_USER.comment())
                    .projection(doc! { "_id": 1 })
                    .upsert(true)
                    .return_document(ReturnDocument::After)
                    .session(&mut *session);
                let stored = PUT_USER.timed(put).await?;
                let id = stored.as_ref().and_then(|d| d.get_str("_id").ok()).and_then(|id| UserId::new(id).ok());
                let value = id.ok_or_else(|| Error::custom("an account without a valid id"))?;
                if ends_sessions {
                    let end = sessions.delete_many(end_sessions_query(&value).filter).comment(END_SESSIONS.comment());
                    END_SESSIONS.timed(end.session(session)).await?;
                }
                Ok(Outcome { namespaces: vec![Namespace::User(value.clone())], value, has_changed: true })
            }
            .boxed()
        });
        let put = put.await?;
        if ends_sessions {
            // A session that began meanwhile is not in the transaction's snapshot: see `sessions`.
            let theirs = end_sessions_query(&put.value).filter;
            let end = async move { left.delete_many(theirs).comment(END_SESSIONS.comment()).await.map(drop) };
            self.run(END_SESSIONS.timed(end)).await?;
        }
        Ok(put)
    }

    async fn account_by_email(&self, email: &str) -> store::Result<Option<Account>> {
        let users = self.collection::<UserDocument>(USERS);
        let query = by_email_query(email);
        self.read(async move { Ok(query.one(&users).await?.map(Account::from)) }).await
    }

    async fn profile(&self, user: &UserId) -> store::Result<Versioned<Option<Profile>>> {
        let users = self.in_snapshot::<UserDocument>(USERS);
        let query = profile_query(user);
        self.read_state(Namespace::User(user.clone()), move |session| {
            let (users, query) = (users.clone(), query.clone());
            async move { Ok(query.one_in(&users, session).await?.map(Profile::from)) }.boxed()
        })
        .await
    }

    async fn import_accounts(&self, accounts: &[Account]) -> store::Result<u64> {
        if accounts.is_empty() {
            return Ok(0);
        }
        let users = self.collection::<UserDocument>(USERS);
        let documents: Vec<_> = accounts.iter().map(UserDocument::from).collect();
        self.run(async move {
            let taken = duplicates(users.insert_many(&documents).ordered(false).await)?;
            Ok((documents.len() - taken.len()) as u64)
        })
        .await
    }
}

/// Which documents of an `insert_many` were there before. Any other error stays one.
fn duplicates<T>(inserted: mongodb::error::Result<T>) -> mongodb::error::Result<Vec<usize>> {
    match inserted {
        Ok(_) => Ok(Vec::new()),
        Err(error) if !is_duplicate(&error) => Err(error),
        Err(error) => match *error.kind {
            ErrorKind::InsertMany(ref many) if many.write_concern_error.is_none() => {
                Ok(many.write_errors.iter().flatten().map(|e| e.index).collect())
            }
            _ => Err(error),
        },
    }
}
