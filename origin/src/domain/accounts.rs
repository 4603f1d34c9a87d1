//! Accounts: making and changing them, and telling who somebody is by email and password. Not here: what follows from that
//! ([`super::sessions`]).

use std::sync::Arc;

use kairos_protocol::api::account::{
    LoginRequest, MAX_DISPLAY_NAME_CHARS, MAX_EMAIL_CHARS, MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, Profile,
    RegisterRequest, Role,
};
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::sync::generation::Namespace;

use super::error::{DomainError, Result};
use crate::auth::passwords::Passwords;
use crate::auth::precis::{Password, email_forms, email_key};
use crate::environment::Environment;
use crate::store::accounts::Account;
use crate::store::{AccountStore, Versioned};
use crate::writes::Writes;

/// The accounts.
pub struct Accounts {
    store: Arc<dyn AccountStore>,
    writes: Writes,
    passwords: Passwords,
    environment: Environment,
}

impl Accounts {
    /// The accounts in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn AccountStore>, writes: Writes, passwords: Passwords, environment: Environment) -> Self {
        Self { store, writes, passwords, environment }
    }

    /// Creates a learner's account.
    ///
    /// # Errors
    /// [`ProblemType::InvalidFields`], [`ProblemType::EmailTaken`], [`ProblemType::Unavailable`] when too many sign in at this
    /// moment, or the store's.
    pub async fn register(&self, request: RegisterRequest) -> Result<Account> {
        let RegisterRequest { email, display_name, password } = request;
        let account = self.new_account(&email, &display_name, password, vec![Role::Learner]).await?;
        if self.find(&email).await?.is_some() || !self.store.insert_account(&account).await? {
            return Err(ProblemType::EmailTaken.with_detail("Sign in, or use another email.").into());
        }
        Ok(account)
    }

    /// Adds an account, or gives the one with this email the new name, password and roles. Returns it as it is stored.
    ///
    /// # Errors
    /// As [`Accounts::new_account`], or the store's.
    pub async fn put(&self, email: &str, display_name: &str, password: String, roles: Vec<Role>) -> Result<Account> {
        let mut account = self.new_account(email, display_name, password, roles).await?;
        let mut user = account.id.clone();
        if let Some(there) = self.find(email).await? {
            (user, account.email) = (there.id, there.email);
        }
        let (store, now, new) = (Arc::clone(&self.store), self.environment.now(), account.clone());
        let work = async move { Ok(store.put_account(&new, now).await?) };
        account.id = self.writes.commit(vec![Namespace::User(user)], work).await?.value;
        Ok(account)
    }

    /// Checks the fields and hashes the password. Stores nothing.
    ///
    /// # Errors
    /// [`ProblemType::InvalidFields`], or [`ProblemType::Unavailable`] when too many sign in at this moment.
    pub async fn new_account(
        &self,
        email: &str,
        display_name: &str,
        password: String,
        roles: Vec<Role>,
    ) -> Result<Account> {
        let email = email_key(email);
        let display_name = display_name.trim().to_owned();
        let password = Password::new(password);
        let wrong = violations(&email, &display_name, password.prepared());
        if !wrong.is_empty() {
            return Err(ProblemType::InvalidFields.with_detail("").with_errors(wrong).into());
        }
        let id = UserId::new(self.environment.random_hex::<16>())
            .map_err(|error| DomainError::with_cause(ProblemType::Internal, error.to_string()))?;
        let hashed_password = Some(self.passwords.line_up()?.hash(password).await?);
        Ok(Account { id, email, display_name, hashed_password, roles, created_at_ms: self.environment.now() })
    }

    /// The account whose email and password these are.
    ///
    /// # Errors
    /// [`ProblemType::WrongCredentials`], whichever of the two is wrong, [`ProblemType::Unavailable`] when too many sign in at
    /// this moment, or the store's.
    pub async fn authenticate(&self, request: LoginRequest) -> Result<Account> {
        let turn = self.passwords.line_up()?;
        let account = self.find(&request.email).await?;
        let hashed = account.as_ref().and_then(|a| a.hashed_password.as_deref());
        let password = Password::new(request.password);
        let fits = password.prepared().chars().count() <= MAX_PASSWORD_CHARS;
        // Hashing what cannot be right costs the same, so that the time does not tell.
        let password = if fits { password } else { Password::new(String::new()) };
        let is_right = turn.verify(password, hashed).await?;
        account.filter(|_| is_right && fits).ok_or_else(|| ProblemType::WrongCredentials.into())
    }

    /// The account that an access token speaks for. Takes a share of this along, as it may outlive the request that it is for.
    ///
    /// # Errors
    /// [`ProblemType::TokenInvalid`] when it is gone, or the store's.
    pub async fn profile(self: Arc<Self>, user: UserId) -> Result<Versioned<Profile>> {
        let Versioned { value, generations } = self.store.profile(&user).await?;
        let gone = || DomainError::from(ProblemType::TokenInvalid.with_detail("The account is gone."));
        Ok(Versioned { value: value.ok_or_else(gone)?, generations })
    }

    /// The account with this email, in whichever form that is stored.
    async fn find(&self, email: &str) -> Result<Option<Account>> {
        let mut found = None;
        // All forms each time, so that the time does not tell.
        for form in email_forms(email) {
            let account = self.store.account_by_email(&form).await?;
            found = found.or(account);
        }
        Ok(found)
    }
}

fn violations(email: &str, display_name: &str, password: &str) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    if !is_email(email) {
        wrong.push((
            "email",
            format!("must be an address such as ada@example.org, at most {MAX_EMAIL_CHARS} characters"),
        ));
    }
    if display_name.is_empty() || display_name.chars().count() > MAX_DISPLAY_NAME_CHARS || has_control(display_name) {
        wrong.push(("display_name", format!("must be 1 to {MAX_DISPLAY_NAME_CHARS} characters long")));
    }
    if !(MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS).contains(&password.chars().count()) {
        wrong.push(("password", format!("must be {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters long")));
    }
    wrong
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// Whether `text` can be an address at all. Only a mail that arrives shows that it is one.
fn is_email(text: &str) -> bool {
    let is_odd = |c: char| c.is_control() || c.is_whitespace();
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let labels_are_filled = domain.split('.').all(|label| !label.is_empty());
    let fits = text.chars().count() <= MAX_EMAIL_CHARS;
    fits && !text.contains(is_odd)
        && !local.is_empty()
        && !local.contains('@')
        && domain.contains('.')
        && labels_are_filled
}
