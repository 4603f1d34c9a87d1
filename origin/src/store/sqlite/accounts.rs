//! The accounts.

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::Profile;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::sync::generation::Namespace;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::connection::is_duplicate;
use super::rows::{json, to_json, word};
use super::{SqliteStore, generations, statements};
use crate::store::accounts::Account;
use crate::store::{self, AccountStore, Versioned};

#[async_trait]
impl AccountStore for SqliteStore {
    async fn insert_account(&self, account: &Account) -> store::Result<bool> {
        let account = account.clone();
        self.writer.write("users.insert", move |c| insert(c, &account)).await
    }

    async fn put_account(&self, account: &Account, now: UnixMillis) -> store::Result<Versioned<UserId>> {
        let account = account.clone();
        let put = move |c: &Connection| {
            let user = put(c, &account)?;
            generations::commit(c, &[Namespace::User(user.clone())], now, true, user)
        };
        self.writer.write("users.put", put).await
    }

    async fn account_by_email(&self, email: &str) -> store::Result<Option<Account>> {
        let email = email.to_owned();
        self.readers.read("users.by_email", move |c| by_email(c, &email)).await
    }

    async fn profile(&self, user: &UserId) -> store::Result<Versioned<Option<Profile>>> {
        let user = user.clone();
        self.read_state("users.profile", vec![Namespace::User(user.clone())], move |c| profile(c, &user)).await
    }

    async fn import_accounts(&self, accounts: &[Account]) -> store::Result<u64> {
        let wanted = accounts.to_vec();
        self.writer.write("users.import", move |c| import(c, &wanted)).await
    }
}

pub(super) fn insert(connection: &Connection, account: &Account) -> Result<bool> {
    let inserted = connection.prepare_cached(statements::INSERT_USER)?.execute(params![
        account.id.as_str(),
        account.email,
        account.display_name,
        account.hashed_password,
        to_json(&account.roles)?,
        account.created_at_ms
    ]);
    match inserted {
        Ok(_) => Ok(true),
        Err(error) if is_duplicate(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn put(connection: &Connection, account: &Account) -> Result<UserId> {
    let values = params![
        account.id.as_str(),
        account.email,
        account.display_name,
        account.hashed_password,
        to_json(&account.roles)?,
        account.created_at_ms
    ];
    let user: UserId = connection.prepare_cached(statements::PUT_USER)?.query_row(values, |row| word(row, 0))?;
    if account.hashed_password.is_some() {
        connection.prepare_cached(statements::END_SESSIONS)?.execute([user.as_str()])?;
    }
    Ok(user)
}

pub(super) fn import(connection: &Connection, accounts: &[Account]) -> Result<u64> {
    let mut added = 0;
    for account in accounts {
        added += u64::from(insert(connection, account)?);
    }
    Ok(added)
}

pub(super) fn by_email(connection: &Connection, email: &str) -> Result<Option<Account>> {
    let account = |row: &Row<'_>| {
        let profile = profile_row(row)?;
        Ok(Account {
            id: profile.id,
            email: profile.email,
            display_name: profile.display_name,
            hashed_password: row.get(5)?,
            roles: profile.roles,
            created_at_ms: profile.created_at_ms,
        })
    };
    connection.prepare_cached(statements::USER_BY_EMAIL)?.query_row([email], account).optional()
}

pub(super) fn profile(connection: &Connection, user: &UserId) -> Result<Option<Profile>> {
    connection.prepare_cached(statements::USER_PROFILE)?.query_row([user.as_str()], profile_row).optional()
}

fn profile_row(row: &Row<'_>) -> Result<Profile> {
    Ok(Profile {
        id: word(row, 0)?,
        email: row.get(1)?,
        display_name: row.get(2)?,
        roles: json(row, 3)?,
        created_at_ms: row.get(4)?,
    })
}
