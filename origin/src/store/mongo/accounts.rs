//! Accounts and the signing key.

use futures_util::FutureExt;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::Profile;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::sync::generation::Namespace;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, doc};
use mongodb::error::Error;
use mongodb::options::ReturnDocument;

use super::documents::{KEYS, SESSIONS, USERS, UserDocument, date};
use super::transaction::Outcome;
use super::{MongoStore, OPERATION_TIMEOUT, duplicates, is_duplicate};
use crate::store::records::{Account, SigningKey};
use crate::store::{self, StoreError, Versioned};

const CURRENT_KEY: &str = "access-tokens";

impl MongoStore {
    pub(super) async fn add_account(&self, account: &Account) -> store::Result<bool> {
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

    pub(super) async fn upsert_account(&self, account: &Account, now: UnixMillis) -> store::Result<Versioned<UserId>> {
        let (users, sessions) = (self.collection::<Document>(USERS), self.collection::<Document>(SESSIONS));
        let roles: Vec<_> = account.roles.iter().map(|role| role.as_str()).collect();
        let mut set = doc! { "display_name": &account.display_name, "roles": roles };
        if let Some(hashed) = &account.hashed_password {
            set.insert("hashed_password", hashed);
        }
        let first = doc! { "_id": account.id.as_str(), "created_at": date(account.created_at_ms) };
        let change = doc! { "$set": set, "$setOnInsert": first };
        let query = doc! { "email": &account.email };
        let ends_sessions = account.hashed_password.is_some();
        let left = sessions.clone();
        let put = self.transact(None, now, move |session| {
            let (users, sessions) = (users.clone(), sessions.clone());
            let (query, change) = (query.clone(), change.clone());
            async move {
                let stored = users
                    .find_one_and_update(query, change)
                    .projection(doc! { "_id": 1 })
                    .upsert(true)
                    .return_document(ReturnDocument::After)
                    .session(&mut *session)
                    .await?;
                let id = stored.as_ref().and_then(|d| d.get_str("_id").ok()).and_then(|id| UserId::new(id).ok());
                let value = id.ok_or_else(|| Error::custom("an account without a valid id"))?;
                if ends_sessions {
                    sessions.delete_many(doc! { "user_id": value.as_str() }).session(session).await?;
                }
                Ok(Outcome { namespaces: vec![Namespace::User(value.clone())], value, has_changed: true })
            }
            .boxed()
        });
        let put = put.await?;
        if ends_sessions {
            // A session that began meanwhile is not in the transaction's snapshot: see `sessions`.
            let theirs = doc! { "user_id": put.value.as_str() };
            self.run(async move { left.delete_many(theirs).await.map(drop) }).await?;
        }
        Ok(put)
    }

    pub(super) async fn account_with_email(&self, email: &str) -> store::Result<Option<Account>> {
        let users = self.collection::<UserDocument>(USERS);
        let query = doc! { "email": email };
        self.read(async move { Ok(users.find_one(query).max_time(OPERATION_TIMEOUT).await?.map(Account::from)) }).await
    }

    pub(super) async fn profile_of(&self, user: &UserId) -> store::Result<Versioned<Option<Profile>>> {
        let users = self.in_snapshot::<UserDocument>(USERS);
        let query = doc! { "_id": user.as_str() };
        self.read_state(Namespace::User(user.clone()), move |session| {
            let (users, query) = (users.clone(), query.clone());
            async move {
                let found = users.find_one(query).projection(doc! { "hashed_password": 0 }).max_time(OPERATION_TIMEOUT);
                Ok(found.session(session).await?.map(Profile::from))
            }
            .boxed()
        })
        .await
    }

    pub(super) async fn add_accounts(&self, accounts: &[Account]) -> store::Result<u64> {
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

    pub(super) async fn put_signing_key(&self, candidate: &SigningKey) -> store::Result<SigningKey> {
        let keys = self.collection::<Document>(KEYS);
        let bytes = |b: &[u8]| Binary { subtype: BinarySubtype::Generic, bytes: b.to_vec() };
        let first = doc! {
            "kid": &candidate.kid,
            "pkcs8": bytes(&candidate.pkcs8),
            "public": bytes(&candidate.public),
        };
        let stored = self
            .run(async move {
                let query = doc! { "_id": CURRENT_KEY };
                // Two instances that start at once may both try to insert; the loser finds the winner's.
                let upsert = || {
                    keys.find_one_and_update(query.clone(), doc! { "$setOnInsert": first.clone() })
                        .upsert(true)
                        .return_document(ReturnDocument::After)
                };
                match upsert().await {
                    Err(_) => upsert().await,
                    done => done,
                }
            })
            .await?;
        stored.as_ref().and_then(read_key).ok_or_else(|| StoreError::Corrupt("an unreadable signing key".to_owned()))
    }
}

fn read_key(document: &Document) -> Option<SigningKey> {
    Some(SigningKey {
        kid: document.get_str("kid").ok()?.to_owned(),
        pkcs8: document.get_binary_generic("pkcs8").ok()?.clone(),
        public: document.get_binary_generic("public").ok()?.as_slice().try_into().ok()?,
    })
}
