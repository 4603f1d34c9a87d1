//! The keys that sign access tokens, and what else all instances on one store share and nobody may know. Not here: what is signed with
//! them ([`crate::auth::tokens`]), and when one takes the place of another ([`crate::auth::keys`]).

use async_trait::async_trait;
use kairos_protocol::UnixMillis;

use super::error::Result;

/// An Ed25519 key that signs access tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Names it in tokens and in the published set.
    pub kid: String,
    /// The private key, PKCS#8 DER.
    pub pkcs8: Vec<u8>,
    /// The 32 public bytes.
    pub public: [u8; 32],
    /// From when on it signs; it verifies before that.
    pub signs_from_ms: UnixMillis,
    /// Until when it verifies; `None` while no other took its place.
    pub verifies_until_ms: Option<UnixMillis>,
}

/// All keys of a store, which change together.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRing {
    /// One more with each change. 0: as a release wrote it that knew one key and nothing else.
    pub version: u64,
    /// Names the store for as long as it is there, whatever its keys are.
    pub installation: String,
    /// What refresh tokens are derived with.
    pub refresh_secret: Vec<u8>,
    /// Newest first.
    pub keys: Vec<SigningKey>,
}

/// Where the keys are.
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// The keys; `None` in a new store.
    async fn key_ring(&self) -> Result<Option<KeyRing>>;

    /// Puts `ring` in the place of the one whose version is one lower, or of none. `false`, and nothing done, when another is there.
    async fn put_key_ring(&self, ring: &KeyRing) -> Result<bool>;
}
