//! The signing keys as one process has them: ready to sign and to verify. Not where they come from ([`super::keys`]), nor when they are
//! looked up again ([`super::tokens`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::{KeySet, PublicKey};
use parking_lot::RwLock;

use crate::store::keys::SigningKey;

/// One key. Tokens that were verified with it hold it, so that they end with it.
pub(super) struct LoadedKey {
    pub(super) kid: String,
    pub(super) signing: EncodingKey,
    pub(super) verifying: DecodingKey,
    published: PublicKey,
    signs_from_ms: UnixMillis,
    /// The largest number while it has no end; 0 once it is gone.
    verifies_until_ms: AtomicI64,
}

impl LoadedKey {
    fn new(key: &SigningKey) -> Self {
        let published = PublicKey {
            kty: PublicKey::KEY_TYPE.to_owned(),
            crv: PublicKey::CURVE.to_owned(),
            usage: PublicKey::USAGE.to_owned(),
            alg: PublicKey::ALGORITHM.to_owned(),
            kid: key.kid.clone(),
            x: URL_SAFE_NO_PAD.encode(key.public),
        };
        Self {
            kid: key.kid.clone(),
            signing: EncodingKey::from_ed_der(&key.pkcs8),
            verifying: DecodingKey::from_ed_der(&key.public),
            published,
            signs_from_ms: key.signs_from_ms,
            verifies_until_ms: AtomicI64::new(end(key)),
        }
    }

    /// Whether what it signed still counts.
    pub(super) fn verifies(&self, now: UnixMillis) -> bool {
        now < self.verifies_until_ms.load(Ordering::Relaxed)
    }
}

fn end(key: &SigningKey) -> UnixMillis {
    key.verifies_until_ms.unwrap_or(UnixMillis::MAX)
}

/// All that are known, newest first.
#[derive(Default)]
pub(super) struct LoadedKeys(RwLock<Vec<Arc<LoadedKey>>>);

impl LoadedKeys {
    /// These are all that there are: the ones that are known stay, what is not among them is gone.
    pub(super) fn replace(&self, keys: &[SigningKey]) {
        let mut known = self.0.write();
        let load = |key: &SigningKey| match known.iter().find(|known| known.kid == key.kid) {
            Some(known) => {
                known.verifies_until_ms.store(end(key), Ordering::Relaxed);
                Arc::clone(known)
            }
            None => Arc::new(LoadedKey::new(key)),
        };
        let loaded: Vec<_> = keys.iter().map(load).collect();
        for gone in known.iter().filter(|known| !keys.iter().any(|key| key.kid == known.kid)) {
            gone.verifies_until_ms.store(0, Ordering::Relaxed);
        }
        *known = loaded;
    }

    /// The one that verifies what `kid` signed.
    pub(super) fn find(&self, kid: &str, now: UnixMillis) -> Option<Arc<LoadedKey>> {
        self.0.read().iter().find(|key| key.kid == kid && key.verifies(now)).cloned()
    }

    /// The one that signs: the newest whose time has come, else the newest.
    pub(super) fn signing(&self, now: UnixMillis) -> Option<Arc<LoadedKey>> {
        let keys = self.0.read();
        keys.iter().find(|key| key.signs_from_ms <= now && key.verifies(now)).or_else(|| keys.first()).cloned()
    }

    /// What verifies, for everybody.
    pub(super) fn published(&self, now: UnixMillis) -> KeySet {
        KeySet { keys: self.0.read().iter().filter(|key| key.verifies(now)).map(|key| key.published.clone()).collect() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.read().len()
    }
}
