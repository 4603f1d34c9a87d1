//! The keys that sign access tokens over time: the first one, the next one before it is needed, and the end of each. All of it is in the
//! store, for all instances at once. Not here: what one process works with ([`super::loaded_keys`]), and tokens ([`super::tokens`]).
//!
//! A new key is published for [`PUBLISHED_BEFORE_MS`] before it signs, so that whoever verifies knows it by then. The one before verifies
//! until the last token that it signed has expired.

use std::sync::Arc;

use ed25519_dalek::SigningKey as Ed25519Key;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::problem::ProblemType;

use super::lifetimes::ACCESS_TOKEN_SECS;
use super::refresh::Successors;
use crate::domain::error::{DomainError, Result};
use crate::environment::Environment;
use crate::store::KeyStore;
use crate::store::keys::{KeyRing, SigningKey};

/// How long a key is in the published set before it signs: longer than any cache has that set, the edge's included.
pub const PUBLISHED_BEFORE_MS: UnixMillis = 10 * 60 * 1_000;
/// How much longer than its last token a key verifies: clocks differ, and an instance may be the last to learn of the next key.
const MARGIN_MS: UnixMillis = 5 * 60 * 1_000;
/// Keys that a store has at most: each is in the published set.
const MOST_KEYS: usize = 8;
/// How often a change is tried when others change the same. Each try fails only because another's did not.
const TRIES: usize = 16;

/// The keys in a store.
pub struct Keys {
    store: Arc<dyn KeyStore>,
    environment: Environment,
}

/// When a new key begins to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// After [`PUBLISHED_BEFORE_MS`].
    WhenKnown,
    /// Now: who has the set as it was before asks for it anew.
    AtOnce,
}

/// What became of a wish to end a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retired {
    /// It is gone: its tokens are refused.
    Gone,
    /// There is none with this id.
    NotThere,
    /// It is the newest one, and stays: without it nobody could sign in.
    IsNewest,
}

/// What a change makes of the keys.
enum Change<T> {
    Put(KeyRing, T),
    Leave(T),
}

impl Keys {
    /// The keys in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn KeyStore>, environment: Environment) -> Self {
        Self { store, environment }
    }

    /// The keys that verify, newest first, and those that will sign. Makes the first one in a new store, and removes those whose time is
    /// over.
    ///
    /// # Errors
    /// The store's.
    pub async fn current(&self) -> Result<KeyRing> {
        self.change(|ring| Ok(Change::Leave(ring))).await
    }

    /// A new key, which takes the place of the one that signs. `None`, and nothing done, when there are so many that none can be added
    /// before one's time is over.
    ///
    /// # Errors
    /// The store's.
    pub async fn rotate(&self, start: Start) -> Result<Option<SigningKey>> {
        let mut key = generate(&self.environment)?;
        let before_ms = if start == Start::AtOnce { 0 } else { PUBLISHED_BEFORE_MS };
        key.signs_from_ms = self.environment.now() + before_ms;
        let last_token_ms = key.signs_from_ms + i64::from(ACCESS_TOKEN_SECS) * 1_000;
        self.change(|mut ring| {
            if ring.keys.iter().any(|there| there.kid == key.kid) {
                // The store said nothing of a change that it had made.
                return Ok(Change::Leave(Some(key.clone())));
            }
            if ring.keys.len() >= MOST_KEYS {
                return Ok(Change::Leave(None));
            }
            for replaced in &mut ring.keys {
                replaced.verifies_until_ms.get_or_insert(last_token_ms + MARGIN_MS);
            }
            ring.keys.insert(0, key.clone());
            Ok(Change::Put(ring, Some(key.clone())))
        })
        .await
    }

    /// Ends a key before its time, as when somebody else has it.
    ///
    /// # Errors
    /// The store's.
    pub async fn retire(&self, kid: &str) -> Result<Retired> {
        let mut was_there = false;
        self.change(|mut ring| {
            let Some(at) = ring.keys.iter().position(|key| key.kid == kid) else {
                return Ok(Change::Leave(if was_there { Retired::Gone } else { Retired::NotThere }));
            };
            if at == 0 {
                return Ok(Change::Leave(Retired::IsNewest));
            }
            was_there = true;
            ring.keys.remove(at);
            Ok(Change::Put(ring, Retired::Gone))
        })
        .await
    }

    /// Lets `decide` on the keys as they are, until nobody else changed them meanwhile.
    async fn change<T>(&self, mut decide: impl FnMut(KeyRing) -> Result<Change<T>>) -> Result<T> {
        for _ in 0..TRIES {
            let (ring, is_as_stored) = self.prepare(self.store.key_ring().await?)?;
            let (mut ring, outcome) = match decide(ring.clone())? {
                Change::Leave(outcome) if is_as_stored => return Ok(outcome),
                Change::Leave(outcome) => (ring, outcome),
                Change::Put(changed, outcome) => (changed, outcome),
            };
            ring.version += 1;
            if self.store.put_key_ring(&ring).await? {
                return Ok(outcome);
            }
        }
        let why = "others changed the signing keys each time";
        Err(DomainError::with_cause(ProblemType::Unavailable, why))
    }

    /// What is `stored` as it should be now, and whether it is so already.
    fn prepare(&self, stored: Option<KeyRing>) -> Result<(KeyRing, bool)> {
        let Some(mut ring) = stored else {
            let refresh_secret = Successors::generate_secret(&self.environment);
            let keys = vec![generate(&self.environment)?];
            let installation = self.environment.random_hex::<8>();
            return Ok((KeyRing { version: 0, installation, refresh_secret, keys }, false));
        };
        let there = ring.keys.len();
        let now = self.environment.now();
        ring.keys.retain(|key| key.verifies_until_ms.is_none_or(|until| until > now));
        let mut is_as_stored = ring.keys.len() == there;
        if let Some(only) = ring.keys.first().filter(|_| ring.version == 0) {
            // Refresh tokens that were given out must go on, and Redis be found under the same keys.
            ring.refresh_secret = Successors::secret_of_key(&only.pkcs8)?;
            ring.installation.clone_from(&only.kid);
            is_as_stored = false;
        }
        Ok((ring, is_as_stored))
    }
}

/// A new key, which signs from the beginning.
///
/// # Errors
/// It cannot be encoded: a defect.
fn generate(environment: &Environment) -> Result<SigningKey> {
    let mut seed = [0; 32];
    environment.entropy.fill(&mut seed);
    let key = Ed25519Key::from_bytes(&seed);
    let der = key.to_pkcs8_der().map_err(|error| DomainError::with_cause(ProblemType::Internal, error.to_string()))?;
    Ok(SigningKey {
        kid: environment.random_hex::<8>(),
        pkcs8: der.as_bytes().to_vec(),
        public: key.verifying_key().to_bytes(),
        signs_from_ms: 0,
        verifies_until_ms: None,
    })
}
