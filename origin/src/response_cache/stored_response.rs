//! A finished answer as it is kept: its bytes in each coding, what it was made from and when, and its binary form in Redis.
//! Not here: whether it may be used, or the response's headers.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kairos_protocol::UnixMillis;
use kairos_protocol::http::encoding::Encoding;
use kairos_protocol::http::freshness;
use kairos_protocol::sync::generation::Generations;
use sha2::{Digest, Sha256};

/// One answer's bytes and what is known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredResponse {
    /// What it was made from.
    pub(super) generations: Generations,
    /// When.
    pub(super) made_at: UnixMillis,
    /// SHA-256 of the body, its first 16 bytes in hexadecimal.
    pub(super) hash: String,
    /// The body.
    pub(super) identity: Bytes,
    /// The body in other codings, where that is smaller.
    pub(super) encoded: Vec<(Encoding, Bytes)>,
}

/// First byte of the binary form; another number is another form, and not read.
const FORM: u8 = 1;

/// Bytes an entry takes beside its bodies, roughly.
const OVERHEAD_BYTES: usize = 256;

impl StoredResponse {
    /// Codings there are, beside identity.
    pub(super) fn codings(&self) -> Vec<Encoding> {
        self.encoded.iter().map(|(encoding, _)| *encoding).collect()
    }

    /// The body in `encoding`, or as it is.
    pub(super) fn body(&self, encoding: Encoding) -> (Encoding, Bytes) {
        let encoded = self.encoded.iter().find(|(e, _)| *e == encoding);
        encoded.map_or_else(|| (Encoding::Identity, self.identity.clone()), |(e, bytes)| (*e, bytes.clone()))
    }

    /// Bytes it takes in memory, roughly.
    pub(super) fn weight(&self) -> u64 {
        let bodies = self.identity.len() + self.encoded.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        (bodies + OVERHEAD_BYTES) as u64
    }

    /// Seconds since it was made.
    pub(super) fn age_secs(&self, now: UnixMillis) -> u32 {
        freshness::age_secs(self.made_at, 0, now)
    }

    /// The binary form: form, made_at, generations, hash, then (coding, length, bytes) of each body.
    pub(super) fn to_bytes(&self) -> Bytes {
        let generations = self.generations.to_string();
        let mut out = BytesMut::with_capacity(self.weight() as usize + generations.len());
        out.put_u8(FORM);
        out.put_i64(self.made_at);
        put_text(&mut out, &generations);
        put_text(&mut out, &self.hash);
        put_body(&mut out, Encoding::Identity, &self.identity);
        for (encoding, body) in &self.encoded {
            put_body(&mut out, *encoding, body);
        }
        out.freeze()
    }

    /// Reads the binary form; `None` when it is another form, or damaged.
    pub(super) fn from_bytes(mut bytes: Bytes) -> Option<Self> {
        if bytes.try_get_u8().ok()? != FORM {
            return None;
        }
        let made_at = bytes.try_get_i64().ok()?;
        let generations = Generations::parse(&take_text(&mut bytes)?);
        let hash = take_text(&mut bytes)?;
        let (Encoding::Identity, identity) = take_body(&mut bytes)? else {
            return None;
        };
        let mut encoded = Vec::with_capacity(Encoding::PREFERRED.len());
        while bytes.has_remaining() {
            encoded.push(take_body(&mut bytes)?);
        }
        Some(Self { generations, made_at, hash, identity, encoded })
    }
}

fn put_text(out: &mut BytesMut, text: &str) {
    put_bytes(out, text.as_bytes());
}

fn put_body(out: &mut BytesMut, encoding: Encoding, body: &[u8]) {
    put_text(out, encoding.token());
    put_bytes(out, body);
}

fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    // An answer of 4 GiB does not exist; were there one, its form would be damaged and not read.
    out.put_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.put_slice(bytes);
}

fn take_bytes(bytes: &mut Bytes) -> Option<Bytes> {
    let length = bytes.try_get_u32().ok()? as usize;
    (length <= bytes.len()).then(|| bytes.split_to(length))
}

fn take_text(bytes: &mut Bytes) -> Option<String> {
    String::from_utf8(take_bytes(bytes)?.into()).ok()
}

fn take_body(bytes: &mut Bytes) -> Option<(Encoding, Bytes)> {
    let encoding = Encoding::parse(&take_text(bytes)?)?;
    Some((encoding, take_bytes(bytes)?))
}

/// SHA-256, its first 16 bytes in hexadecimal: 128 bits tell bodies apart.
pub(super) fn hash(body: &[u8]) -> String {
    Sha256::digest(body).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
