//! Accounts and the signing key.

use kairos_protocol::api::account::Profile;
use kairos_protocol::api::ids::UserId;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::is_duplicate;
use super::rows::{json, to_json, word};
use crate::store::records::{Account, SigningKey};

const INSERT: &str =
    "INSERT INTO users (id, email, display_name, hashed_password, roles, created_at_ms) VALUES (?, ?, ?, ?, ?, ?)";

pub(super) fn insert(connection: &Connection, account: &Account) -> Result<bool> {
    let inserted = connection.prepare_cached(INSERT)?.execute(params![
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
    let sql = format!(
        "{INSERT} ON CONFLICT (email) DO UPDATE SET display_name = excluded.display_name, roles = excluded.roles,
            hashed_password = coalesce(excluded.hashed_password, hashed_password)
        RETURNING id"
    );
    let values = params![
        account.id.as_str(),
        account.email,
        account.display_name,
        account.hashed_password,
        to_json(&account.roles)?,
        account.created_at_ms
    ];
    let user: UserId = connection.prepare_cached(&sql)?.query_row(values, |row| word(row, 0))?;
    if account.hashed_password.is_some() {
        connection.prepare_cached("DELETE FROM sessions WHERE user_id = ?")?.execute([user.as_str()])?;
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
    let sql = "SELECT id, email, display_name, roles, created_at_ms, hashed_password FROM users WHERE email = ?";
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
    connection.prepare_cached(sql)?.query_row([email], account).optional()
}

pub(super) fn profile(connection: &Connection, user: &UserId) -> Result<Option<Profile>> {
    let sql = "SELECT id, email, display_name, roles, created_at_ms FROM users WHERE id = ?";
    connection.prepare_cached(sql)?.query_row([user.as_str()], profile_row).optional()
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

pub(super) fn signing_key(connection: &Connection, candidate: &SigningKey) -> Result<SigningKey> {
    let insert = "INSERT OR IGNORE INTO signing_keys (name, kid, pkcs8, public) VALUES ('access-tokens', ?, ?, ?)";
    connection.execute(insert, params![candidate.kid, candidate.pkcs8, candidate.public])?;
    let select = "SELECT kid, pkcs8, public FROM signing_keys WHERE name = 'access-tokens'";
    connection.query_row(select, [], |row| Ok(SigningKey { kid: row.get(0)?, pkcs8: row.get(1)?, public: row.get(2)? }))
}
