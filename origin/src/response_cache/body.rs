//! A response's body as it is stored: its bytes as they are and in other content codings, and the hash that its entity tags are
//! made from. Not here: compressing it, or which coding a caller gets.

use bytes::Bytes;
use kairos_protocol::http::encoding::Encoding;
use sha2::{Digest, Sha256};

/// Hexadecimal digits of a hash: 128 bits tell bodies apart.
const HASH_DIGITS: usize = 32;

/// One body in each coding that it is stored in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EncodedBody {
    /// SHA-256 of the body, its first 16 bytes in hexadecimal.
    pub(super) hash: String,
    /// As it is.
    pub(super) identity: Bytes,
    /// In other codings, where that is smaller.
    pub(super) encoded: Vec<(Encoding, Bytes)>,
}

impl EncodedBody {
    /// `identity` in no other coding.
    pub(super) fn uncompressed(identity: Bytes) -> Self {
        Self { hash: hash(&identity), identity, encoded: Vec::new() }
    }

    /// The codings there are beside identity.
    pub(super) fn codings(&self) -> Vec<Encoding> {
        self.encoded.iter().map(|(encoding, _)| *encoding).collect()
    }

    /// The bytes in `encoding` if there are such, else as they are.
    pub(super) fn in_coding(&self, encoding: Encoding) -> (Encoding, Bytes) {
        let encoded = self.encoded.iter().find(|(coding, _)| *coding == encoding);
        encoded.map_or_else(|| (Encoding::Identity, self.identity.clone()), |(coding, bytes)| (*coding, bytes.clone()))
    }

    /// Bytes of all codings together.
    pub(super) fn total_bytes(&self) -> usize {
        self.identity.len() + self.encoded.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()
    }
}

fn hash(body: &[u8]) -> String {
    let mut digits = hex::encode(Sha256::digest(body));
    digits.truncate(HASH_DIGITS);
    digits
}
