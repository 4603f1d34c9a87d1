//! The key that signs access tokens. Not here: what is signed with it ([`crate::auth::tokens`]).

use async_trait::async_trait;

use super::error::Result;

/// The Ed25519 key that signs access tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Names it in tokens and in the published set.
    pub kid: String,
    /// The private key, PKCS#8 DER.
    pub pkcs8: Vec<u8>,
    /// The 32 public bytes.
    pub public: [u8; 32],
}

/// Where the signing key is.
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// The signing key: `candidate` if there was none yet. All instances get the same.
    async fn signing_key(&self, candidate: &SigningKey) -> Result<SigningKey>;
}
