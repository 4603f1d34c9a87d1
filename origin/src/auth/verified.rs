//! Access tokens that were verified before: a signature is checked once per token and process. Not how it is checked
//! ([`super::tokens`]).

use std::sync::Arc;

use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::Claims;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::loaded_keys::LoadedKey;

/// Tokens stored; the least used make room. Some 300 bytes each.
const CAPACITY: usize = 20_000;

/// A token whose signature was found good.
pub struct VerifiedToken {
    /// What it claims.
    pub claims: Claims,
    key: Arc<LoadedKey>,
}

impl VerifiedToken {
    pub(super) fn new(claims: Claims, key: Arc<LoadedKey>) -> Self {
        Self { claims, key }
    }

    /// Whether the key that signed it still counts.
    pub(super) fn has_key(&self, now: UnixMillis) -> bool {
        self.key.verifies(now)
    }
}

/// Tokens by the hash of the whole of each, signature included: nothing else finds them.
pub(super) struct VerifiedTokens(Cache<[u8; 32], Arc<VerifiedToken>>);

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl VerifiedTokens {
    /// `token`, if it was verified. Whether it has expired since, or lost its key, is for the caller to see.
    pub(super) fn get(&self, token: &str) -> Option<Arc<VerifiedToken>> {
        self.0.get(&hash(token))
    }

    /// `token` was verified.
    pub(super) fn insert(&self, token: &str, verified: Arc<VerifiedToken>) {
        self.0.insert(hash(token), verified);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
