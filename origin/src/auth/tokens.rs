//! Access tokens: JWTs signed with Ed25519 (RFC 7519, RFC 8037), short-lived, verified without asking anybody. Not here: refresh
//! tokens ([`super::refresh`]).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey as Ed25519Key;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use kairos_protocol::api::account::{Claims, ISSUER, KeySet, PublicKey, Role};
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::problem::{Problem, ProblemType};

use super::verified::VerifiedTokens;
use crate::domain::error::{DomainError, Result};
use crate::environment::Environment;
use crate::store::keys::SigningKey;

/// Seconds an access token is good for.
pub const ACCESS_TOKEN_SECS: u32 = 15 * 60;
/// How long a refresh token is good for when it is not used.
pub const REFRESH_TOKEN_MS: i64 = 30 * 24 * 3_600 * 1_000;
/// What clocks of several instances may differ by.
const LEEWAY_SECS: i64 = 5;

/// Signs and verifies access tokens with the key that all instances share.
pub struct Tokens {
    environment: Environment,
    kid: String,
    signing: EncodingKey,
    verifying: DecodingKey,
    published: PublicKey,
    verified: VerifiedTokens,
}

impl Tokens {
    /// Works with `key`.
    #[must_use]
    pub fn new(key: &SigningKey, environment: Environment) -> Self {
        let published = PublicKey {
            kty: PublicKey::KEY_TYPE.to_owned(),
            crv: PublicKey::CURVE.to_owned(),
            usage: PublicKey::USAGE.to_owned(),
            alg: PublicKey::ALGORITHM.to_owned(),
            kid: key.kid.clone(),
            x: URL_SAFE_NO_PAD.encode(key.public),
        };
        Self {
            environment,
            kid: key.kid.clone(),
            signing: EncodingKey::from_ed_der(&key.pkcs8),
            verifying: DecodingKey::from_ed_der(&key.public),
            published,
            verified: VerifiedTokens::default(),
        }
    }

    /// A new key, for a store that has none.
    ///
    /// # Errors
    /// The key cannot be encoded: a defect.
    pub fn generate_key(environment: &Environment) -> Result<SigningKey> {
        let mut seed = [0; 32];
        environment.entropy.fill(&mut seed);
        let key = Ed25519Key::from_bytes(&seed);
        let der =
            key.to_pkcs8_der().map_err(|error| DomainError::with_cause(ProblemType::Internal, error.to_string()))?;
        Ok(SigningKey {
            kid: environment.random_hex::<8>(),
            pkcs8: der.as_bytes().to_vec(),
            public: key.verifying_key().to_bytes(),
        })
    }

    /// What verifies the tokens, for everybody.
    #[must_use]
    pub fn key_set(&self) -> KeySet {
        KeySet { keys: vec![self.published.clone()] }
    }

    /// A token for `user`, good for [`ACCESS_TOKEN_SECS`].
    ///
    /// # Errors
    /// A defect only.
    pub fn sign(&self, user: &UserId, roles: &[Role]) -> Result<String> {
        let now_secs = self.environment.now() / 1_000;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: user.clone(),
            iat: now_secs,
            exp: now_secs + i64::from(ACCESS_TOKEN_SECS),
            roles: roles.to_vec(),
        };
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, &claims, &self.signing)
            .map_err(|error| DomainError::with_cause(ProblemType::Internal, format!("signing a token: {error}")))
    }

    /// The claims of `token`, if it is one of ours and has not expired.
    ///
    /// # Errors
    /// [`ProblemType::TokenExpired`] or [`ProblemType::TokenInvalid`].
    pub fn verify(&self, token: &str) -> std::result::Result<Arc<Claims>, Problem> {
        if let Some(claims) = self.verified(token) {
            return Ok(claims);
        }
        let claims = Arc::new(self.check(token)?);
        if self.has_expired(&claims) {
            return Err(ProblemType::TokenExpired.with_detail("Refresh it at /v1/auth/refresh."));
        }
        self.verified.insert(token, Arc::clone(&claims));
        Ok(claims)
    }

    /// The claims of `token`, if it was verified before and has not expired.
    #[must_use]
    pub fn verified(&self, token: &str) -> Option<Arc<Claims>> {
        self.verified.get(token).filter(|claims| !self.has_expired(claims))
    }

    fn has_expired(&self, claims: &Claims) -> bool {
        claims.exp + LEEWAY_SECS <= self.environment.now() / 1_000
    }

    /// Everything but its expiry.
    fn check(&self, token: &str) -> std::result::Result<Claims, Problem> {
        // The time is compared below, with the clock that was passed in.
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.validate_exp = false;
        rules.validate_aud = false;
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["iss", "sub", "exp"]);
        let invalid = |why: &str| ProblemType::TokenInvalid.with_detail(why);
        let decoded = decode::<Claims>(token, &self.verifying, &rules).map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => invalid("The signature does not fit."),
            ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => invalid("Only EdDSA is accepted."),
            _ => invalid("It is not an access token of this service."),
        })?;
        if decoded.header.kid.as_deref() != Some(self.kid.as_str()) {
            return Err(invalid("It was signed with a key that is not published."));
        }
        Ok(decoded.claims)
    }
}
