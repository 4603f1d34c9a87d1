//! Accounts and their sessions: registering, signing in, refreshing, signing out.

use kairos_protocol::api::account::{LoginRequest, Profile, RegisterRequest, Role, TokenGrant};
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::problem::ProblemType;
use tokio::time::Instant;

use crate::auth::precis::{Password, email_forms, email_key};
use crate::auth::refresh::RefreshToken;
use crate::auth::tokens::{ACCESS_TOKEN_SECS, REFRESH_TOKEN_MS};
use crate::error::{AppError, Result};
use crate::state::AppState;
use crate::store::Versioned;
use crate::store::accounts::Account;
use crate::store::sessions::{NewSession, Rotation, Successor};

const MIN_PASSWORD_CHARS: usize = 8;
const MAX_PASSWORD_CHARS: usize = 128;
const MAX_EMAIL_CHARS: usize = 254;
const MAX_NAME_CHARS: usize = 100;

/// Creates a learner's account and signs it in.
///
/// # Errors
/// [`ProblemType::InvalidFields`], [`ProblemType::EmailTaken`], [`ProblemType::Unavailable`] when too many sign in at this
/// moment, or the store's.
pub async fn register(state: &AppState, request: RegisterRequest) -> Result<TokenGrant> {
    let RegisterRequest { email, display_name, password } = request;
    let account = new_account(state, &email, &display_name, password, vec![Role::Learner]).await?;
    if account_of(state, &email).await?.is_some() || !state.store.insert_account(&account).await? {
        return Err(ProblemType::EmailTaken.with_detail("Sign in, or use another email.").into());
    }
    start_session(state, account).await
}

/// Adds an account, or gives the one with this email the new name, password and roles. Returns it as it is kept.
///
/// # Errors
/// As [`new_account`], or the store's.
pub async fn put(
    state: &AppState,
    email: &str,
    display_name: &str,
    password: String,
    roles: Vec<Role>,
) -> Result<Account> {
    let mut account = new_account(state, email, display_name, password, roles).await?;
    if let Some(there) = account_of(state, email).await? {
        account.email = there.email;
    }
    let began = Instant::now();
    let done = state.store.put_account(&account, state.environment.now()).await?;
    state.cache.announce(&done.generations, began).await;
    account.id = done.value;
    Ok(account)
}

/// Checks the fields and hashes the password. Stores nothing.
///
/// # Errors
/// [`ProblemType::InvalidFields`], or [`ProblemType::Unavailable`] when too many sign in at this moment.
pub async fn new_account(
    state: &AppState,
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
    let id = UserId::new(state.environment.random_hex::<16>())
        .map_err(|error| AppError::with_cause(ProblemType::Internal, error.to_string()))?;
    let hashed_password = Some(state.passwords.line_up()?.hash(password).await?);
    Ok(Account { id, email, display_name, hashed_password, roles, created_at_ms: state.environment.now() })
}

/// The account with this email, in whichever form it is kept.
async fn account_of(state: &AppState, email: &str) -> Result<Option<Account>> {
    let mut found = None;
    // All forms each time, so that the time does not tell.
    for form in email_forms(email) {
        let account = state.store.account_by_email(&form).await?;
        found = found.or(account);
    }
    Ok(found)
}

fn violations(email: &str, display_name: &str, password: &str) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    if !is_email(email) {
        wrong.push((
            "email",
            format!("must be an address such as ada@example.org, at most {MAX_EMAIL_CHARS} characters"),
        ));
    }
    if display_name.is_empty() || display_name.chars().count() > MAX_NAME_CHARS || has_control(display_name) {
        wrong.push(("display_name", format!("must be 1 to {MAX_NAME_CHARS} characters long")));
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

/// Signs in.
///
/// # Errors
/// [`ProblemType::WrongCredentials`], whichever of the two is wrong, [`ProblemType::Unavailable`] when too many sign in at this
/// moment, or the store's.
pub async fn login(state: &AppState, request: LoginRequest) -> Result<TokenGrant> {
    let turn = state.passwords.line_up()?;
    let account = account_of(state, &request.email).await?;
    let hashed = account.as_ref().and_then(|a| a.hashed_password.as_deref());
    let password = Password::new(request.password);
    let fits = password.prepared().chars().count() <= MAX_PASSWORD_CHARS;
    // Hashing what cannot be right costs the same, so that the time does not tell.
    let password = if fits { password } else { Password::new(String::new()) };
    let is_right = turn.verify(password, hashed).await?;
    match account {
        Some(account) if is_right && fits => start_session(state, account).await,
        _ => Err(ProblemType::WrongCredentials.into()),
    }
}

/// Trades a refresh token for the next one and a new access token, with the roles that the account has now. Asked again, it
/// gives the same next token, until that is used.
///
/// # Errors
/// [`ProblemType::RefreshTokenInvalid`], or the store's.
pub async fn refresh(state: &AppState, shown: &str) -> Result<TokenGrant> {
    let ended = |why: &str| AppError::from(ProblemType::RefreshTokenInvalid.with_detail(why));
    let shown = RefreshToken::parse(shown).ok_or_else(|| ended("Sign in again."))?;
    let token = state.successors.after(&shown);
    let now = state.environment.now();
    let next = Successor { token_hash: token.hash(), expires_at_ms: now + REFRESH_TOKEN_MS };
    match state.store.rotate_session(&shown.family(), &shown.hash(), &next, now).await? {
        Rotation::Rotated { user } => {
            let profile = state.store.profile(&user).await?.value.ok_or_else(|| ended("The account is gone."))?;
            grant(state, profile, &token)
        }
        Rotation::Reused => Err(ended("The token is an old one, so the whole session was ended. Sign in again.")),
        Rotation::Unknown => Err(ended("Sign in again.")),
    }
}

/// Ends the session that a refresh token belongs to. Ending it twice is no error.
///
/// # Errors
/// The store's.
pub async fn logout(state: &AppState, shown: &str) -> Result<()> {
    match RefreshToken::parse(shown) {
        Some(token) => Ok(state.store.end_session(&token.family()).await?),
        None => Ok(()),
    }
}

/// The account that an access token speaks for.
///
/// # Errors
/// [`ProblemType::TokenInvalid`] when it is gone, or the store's.
pub async fn profile(state: &AppState, user: &UserId) -> Result<Versioned<Profile>> {
    let Versioned { value, generations } = state.store.profile(user).await?;
    let gone = || AppError::from(ProblemType::TokenInvalid.with_detail("The account is gone."));
    Ok(Versioned { value: value.ok_or_else(gone)?, generations })
}

async fn start_session(state: &AppState, account: Account) -> Result<TokenGrant> {
    let token = RefreshToken::generate(&state.environment);
    let profile = account.profile();
    let session = NewSession {
        family: token.family(),
        user: account.id,
        verified_hash: account.hashed_password.unwrap_or_default(),
        token_hash: token.hash(),
        expires_at_ms: state.environment.now() + REFRESH_TOKEN_MS,
    };
    if state.store.insert_session(&session).await? {
        return grant(state, profile, &token);
    }
    // The password was changed while the old one was verified.
    Err(ProblemType::WrongCredentials.into())
}

fn grant(state: &AppState, profile: Profile, refresh_token: &RefreshToken) -> Result<TokenGrant> {
    Ok(TokenGrant {
        access_token: state.tokens.sign(&profile.id, &profile.roles)?,
        token_type: "Bearer".to_owned(),
        expires_in_secs: ACCESS_TOKEN_SECS,
        refresh_token: refresh_token.to_text(),
        profile,
    })
}
