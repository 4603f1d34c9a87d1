//! Refresh tokens: 16 bytes that name the session, 32 that only its owner has. The next token is derived from the one that is
//! shown, so whoever did not get the response asks again and gets the same. Only hashes are stored ([`crate::store`]).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use kairos_protocol::api::problem::ProblemType;
use sha2::{Digest, Sha256};

use crate::domain::error::{DomainError, Result};
use crate::environment::Environment;

const FAMILY_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;

/// One token of a session.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    family: [u8; FAMILY_BYTES],
    secret: [u8; SECRET_BYTES],
}

impl RefreshToken {
    /// The first token of a new session.
    #[must_use]
    pub fn generate(environment: &Environment) -> Self {
        let (mut family, mut secret) = ([0; FAMILY_BYTES], [0; SECRET_BYTES]);
        environment.entropy.fill(&mut family);
        environment.entropy.fill(&mut secret);
        Self { family, secret }
    }

    /// Reads a token that was shown; `None` when it has not the form of one.
    #[must_use]
    pub fn parse(shown: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(shown).ok()?;
        let (family, secret) = bytes.split_first_chunk()?;
        Some(Self { family: *family, secret: secret.try_into().ok()? })
    }

    /// What its owner is given.
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode([self.family.as_slice(), &self.secret].concat())
    }

    /// Names all tokens that descend from one sign-in.
    #[must_use]
    pub fn family(&self) -> String {
        hex::encode(self.family)
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest([self.family.as_slice(), &self.secret].concat()))
    }
}

/// Derives each token's successor. All instances have the same, as it comes from a secret that they share. It stays when signing keys
/// change: who lost a response may ask for it again weeks later. It helps nobody who has no token of the session.
pub struct Successors(Hmac<Sha256>);

impl Successors {
    /// Derives with `secret`.
    ///
    /// # Errors
    /// A defect only.
    pub fn new(secret: &[u8]) -> Result<Self> {
        Ok(Self(keyed(secret)?))
    }

    /// A secret for a new store.
    #[must_use]
    pub fn generate_secret(environment: &Environment) -> Vec<u8> {
        let mut secret = vec![0; SECRET_BYTES];
        environment.entropy.fill(&mut secret);
        secret
    }

    /// The secret where there was one signing key and nothing else: it came from that.
    ///
    /// # Errors
    /// A defect only.
    pub fn secret_of_key(pkcs8: &[u8]) -> Result<Vec<u8>> {
        // The label kept it apart from all others that might be derived from the same key.
        let secret = keyed(pkcs8)?.chain_update("kairos refresh-token successors 1").finalize().into_bytes();
        Ok(secret.to_vec())
    }

    /// The token that follows `shown`: always the same.
    #[must_use]
    pub fn after(&self, shown: &RefreshToken) -> RefreshToken {
        let secret = self.0.clone().chain_update(shown.family).chain_update(shown.secret).finalize().into_bytes();
        RefreshToken { family: shown.family, secret: secret.into() }
    }
}

fn keyed(key: &[u8]) -> Result<Hmac<Sha256>> {
    Hmac::new_from_slice(key).map_err(|error| DomainError::with_cause(ProblemType::Internal, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_an_older_release_is_found_again() {
        // Computed with Python's hmac.
        let expected = "8bf79419b5a4048414ac2fc33d4018618704499acfc0512390e6ed7bd4b2aa55";
        assert_eq!(hex::encode(Successors::secret_of_key(&[1; 48]).unwrap()), expected);
    }
}
