//! Access tokens that were verified before: a signature is checked once per token and process. Not how it is checked
//! ([`super::tokens`]).

use std::sync::Arc;

use kairos_protocol::api::account::Claims;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

/// Tokens stored; the least used make room. Some 300 bytes each.
const CAPACITY: usize = 20_000;

/// Claims by the hash of the whole token, signature included: nothing else finds them.
pub(super) struct VerifiedTokens(Cache<[u8; 32], Arc<Claims>>);

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl VerifiedTokens {
    /// What `token` claims, if it was verified. Whether it has expired since is for the caller to see.
    pub(super) fn get(&self, token: &str) -> Option<Arc<Claims>> {
        self.0.get(&hash(token))
    }

    /// `token` was verified.
    pub(super) fn insert(&self, token: &str, claims: Arc<Claims>) {
        self.0.insert(hash(token), claims);
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
