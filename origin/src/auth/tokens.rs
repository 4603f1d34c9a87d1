//! Access tokens: JWTs signed with Ed25519 (RFC 7519, RFC 8037), short-lived, verified without asking anybody. Not here: refresh
//! tokens ([`super::refresh`]), and which keys there are ([`super::keys`]).
//!
//! The keys are looked up once each [`LOOK_PERIOD`]. A token of an unknown key has them looked up at once, for all who come with one
//! meanwhile, and not again within [`UNKNOWN_PERIOD_MS`]: whoever makes up keys costs next to nothing.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::{Claims, ISSUER, KeySet, Role};
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::problem::{Problem, ProblemType};
use metrics::{counter, gauge};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::keys::Keys;
pub use super::lifetimes::{ACCESS_TOKEN_SECS, REFRESH_TOKEN_MS};
use super::loaded_keys::{LoadedKey, LoadedKeys};
use super::verified::{VerifiedToken, VerifiedTokens};
use crate::domain::error::{DomainError, Result};
use crate::environment::Environment;
use crate::store::keys::SigningKey;

/// How often the keys are looked up: a retired one is refused everywhere after as long.
pub const LOOK_PERIOD: Duration = Duration::from_secs(10);
/// How often they are looked up at most for keys that nobody knows.
const UNKNOWN_PERIOD_MS: UnixMillis = 5_000;
/// How long a request waits for that.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);
/// What clocks of several instances may differ by.
const LEEWAY_SECS: i64 = 5;

/// Signs and verifies access tokens with the keys that all instances share.
pub struct Tokens {
    environment: Environment,
    keys: Keys,
    loaded: LoadedKeys,
    /// Held while keys are looked up for a token of an unknown one.
    looking: Mutex<()>,
    /// When that was last begun.
    looked_at: AtomicI64,
    /// Whether the last look-up failed.
    has_failed: AtomicBool,
    verified: VerifiedTokens,
}

/// Why a token is refused.
enum Refusal {
    UnknownKey,
    Problem(Problem),
}

impl Tokens {
    /// Works with `known`, and looks up in `keys` what others may have changed.
    #[must_use]
    pub fn new(known: &[SigningKey], keys: Keys, environment: Environment) -> Self {
        let tokens = Self {
            environment,
            keys,
            loaded: LoadedKeys::default(),
            looking: Mutex::default(),
            looked_at: AtomicI64::new(UnixMillis::MIN),
            has_failed: AtomicBool::default(),
            verified: VerifiedTokens::default(),
        };
        tokens.loaded.replace(known);
        tokens
    }

    /// Looks the keys up again and again, until the last one who uses them is gone.
    pub fn keep_current(self: &Arc<Self>) {
        let tokens: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                sleep(LOOK_PERIOD).await;
                let Some(tokens) = tokens.upgrade() else { return };
                tokens.look_up("time").await;
            }
        });
    }

    /// Looks the keys up because of `why`. With the store down, those that are known stay.
    pub async fn look_up(&self, why: &'static str) {
        let found = self.keys.current().await;
        counter!("kairos_signing_key_lookups_total", "why" => why).increment(1);
        let has_failed = found.is_err();
        match found {
            Ok(ring) => self.loaded.replace(&ring.keys),
            Err(error) if !self.has_failed.load(Ordering::Relaxed) => {
                let cause = error.cause.unwrap_or(error.problem.detail);
                tracing::warn!(cause, "the signing keys cannot be looked up; those that are known stay in use");
            }
            Err(_) => {}
        }
        self.has_failed.store(has_failed, Ordering::Relaxed);
    }

    /// Shows in metrics what is known now.
    pub fn report(&self) {
        gauge!("kairos_signing_keys").set(u32::try_from(self.loaded.len()).unwrap_or(u32::MAX));
        gauge!("kairos_verified_tokens").set(u32::try_from(self.verified.len()).unwrap_or(u32::MAX));
    }

    /// What verifies the tokens, for everybody.
    #[must_use]
    pub fn key_set(&self) -> KeySet {
        self.loaded.published(self.environment.now())
    }

    /// A token for `user`, good for [`ACCESS_TOKEN_SECS`].
    ///
    /// # Errors
    /// A defect only.
    pub fn sign(&self, user: &UserId, roles: &[Role]) -> Result<String> {
        let defect = |why: String| DomainError::with_cause(ProblemType::Internal, format!("signing a token: {why}"));
        let now = self.environment.now();
        let key = self.loaded.signing(now).ok_or_else(|| defect("there is no key".to_owned()))?;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: user.clone(),
            iat: now / 1_000,
            exp: now / 1_000 + i64::from(ACCESS_TOKEN_SECS),
            roles: roles.to_vec(),
        };
        let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, &claims, &key.signing).map_err(|error| defect(error.to_string()))
    }

    /// `token`, if it is one of ours and has not expired.
    ///
    /// # Errors
    /// [`ProblemType::TokenExpired`] or [`ProblemType::TokenInvalid`].
    pub async fn verify(&self, token: &str) -> std::result::Result<Arc<VerifiedToken>, Problem> {
        if let Some(verified) = self.verified(token) {
            return Ok(verified);
        }
        let checked = match self.check(token) {
            Err(Refusal::UnknownKey) => {
                self.look_for_unknown().await;
                self.check(token)
            }
            known => known,
        };
        let (claims, key) = checked.map_err(|refusal| match refusal {
            Refusal::UnknownKey => invalid("It was signed with a key that is not published."),
            Refusal::Problem(problem) => problem,
        })?;
        if self.has_expired(&claims) {
            return Err(ProblemType::TokenExpired.with_detail("Refresh it at /v1/auth/refresh."));
        }
        let verified = Arc::new(VerifiedToken::new(claims, key));
        self.verified.insert(token, Arc::clone(&verified));
        Ok(verified)
    }

    /// `token`, if it was verified before, has not expired, and its key is still one.
    #[must_use]
    pub fn verified(&self, token: &str) -> Option<Arc<VerifiedToken>> {
        let is_good =
            |token: &Arc<VerifiedToken>| !self.has_expired(&token.claims) && token.has_key(self.environment.now());
        self.verified.get(token).filter(is_good)
    }

    fn has_expired(&self, claims: &Claims) -> bool {
        claims.exp + LEEWAY_SECS <= self.environment.now() / 1_000
    }

    /// Looks the keys up, unless somebody just did; who comes meanwhile waits for the same.
    async fn look_for_unknown(&self) {
        let Ok(turn) = self.looking.try_lock() else {
            // Its outcome is there once the turn is free, or it takes too long.
            let _ = timeout(LOOK_TIMEOUT, self.looking.lock()).await;
            return;
        };
        let now = self.environment.now();
        // A clock that was set back is no reason to wait for it.
        if now.saturating_sub(self.looked_at.load(Ordering::Relaxed)).unsigned_abs() < UNKNOWN_PERIOD_MS.unsigned_abs()
        {
            return;
        }
        self.looked_at.store(now, Ordering::Relaxed);
        let _ = timeout(LOOK_TIMEOUT, self.look_up("unknown")).await;
        drop(turn);
    }

    /// Everything but its expiry.
    fn check(&self, token: &str) -> std::result::Result<(Claims, Arc<LoadedKey>), Refusal> {
        // The time is compared elsewhere, with the clock that was passed in.
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.validate_exp = false;
        rules.validate_aud = false;
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["iss", "sub", "exp"]);
        let refused = |error: jsonwebtoken::errors::Error| {
            Refusal::Problem(match error.kind() {
                ErrorKind::InvalidSignature => invalid("The signature does not fit."),
                ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => invalid("Only EdDSA is accepted."),
                _ => invalid("It is not an access token of this service."),
            })
        };
        let header = decode_header(token).map_err(refused)?;
        if header.alg != Algorithm::EdDSA {
            return Err(Refusal::Problem(invalid("Only EdDSA is accepted.")));
        }
        let kid = header.kid.ok_or(Refusal::UnknownKey)?;
        let key = self.loaded.find(&kid, self.environment.now()).ok_or(Refusal::UnknownKey)?;
        let decoded = decode::<Claims>(token, &key.verifying, &rules).map_err(refused)?;
        Ok((decoded.claims, key))
    }
}

fn invalid(why: &str) -> Problem {
    ProblemType::TokenInvalid.with_detail(why)
}
