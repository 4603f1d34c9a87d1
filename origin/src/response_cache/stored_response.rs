//! A response as it is stored: its body, its metadata, and the binary form of both in Redis. Not here: whether it may be used
//! (`reuse`), or the headers it is sent with.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kairos_protocol::UnixMillis;
use kairos_protocol::http::encoding::Encoding;
use kairos_protocol::sync::generation::{Generation, Generations};

use super::body::EncodedBody;
use super::heads::Heads;

/// A stored response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredResponse {
    pub(super) metadata: Metadata,
    pub(super) body: EncodedBody,
    /// Its heads, as far as it was a hit.
    pub(super) heads: Heads,
}

/// What decides whether a stored response may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Metadata {
    /// Of the state that it shows.
    pub(super) generations: Generations,
    /// The own number of the module that it shows, if it shows one: with this it is current, whatever else of the catalogue changed.
    pub(super) module: Option<Generation>,
    /// When the read began that it was generated for.
    pub(super) generated_at: UnixMillis,
    /// How long it took to load and to compress it.
    pub(super) load_micros: u32,
}

/// First byte of the binary form; another number is another form, and not read.
const FORM: u8 = 3;

/// Larger than any number.
const NO_MODULE: u64 = u64::MAX;

/// Bytes that one takes beside its body, roughly: its heads, most of all.
const OVERHEAD_BYTES: usize = 2 * 1024;

impl StoredResponse {
    pub(super) fn new(metadata: Metadata, body: EncodedBody) -> Self {
        Self { metadata, body, heads: Heads::default() }
    }

    /// The same, found to show the state that `generations` name too.
    pub(super) fn freshened(&self, generations: Generations) -> Self {
        Self::new(Metadata { generations, ..self.metadata.clone() }, self.body.clone())
    }

    /// Bytes it takes in memory, roughly.
    pub(super) fn weight_bytes(&self) -> usize {
        self.body.total_bytes() + OVERHEAD_BYTES
    }

    /// The binary form: form, time, generations, the module's number or [`NO_MODULE`], time it took, hash, then (coding, length, bytes) of each body.
    pub(super) fn to_bytes(&self) -> Bytes {
        let head = self.metadata.head();
        let mut out = BytesMut::with_capacity(self.weight_bytes() + head.len());
        out.put(head);
        out.put_u64(self.metadata.module.map_or(NO_MODULE, Generation::get));
        out.put_u32(self.metadata.load_micros);
        put_text(&mut out, &self.body.hash);
        put_body(&mut out, Encoding::Identity, &self.body.identity);
        for (encoding, bytes) in &self.body.encoded {
            put_body(&mut out, *encoding, bytes);
        }
        out.freeze()
    }

    /// Reads the binary form; `None` when it is another form, or damaged.
    pub(super) fn from_bytes(mut bytes: Bytes) -> Option<Self> {
        if bytes.try_get_u8().ok()? != FORM {
            return None;
        }
        let generated_at = bytes.try_get_i64().ok()?;
        let generations = Generations::parse(&take_text(&mut bytes)?);
        let module = Some(bytes.try_get_u64().ok()?).filter(|number| *number != NO_MODULE).map(Generation::new);
        let load_micros = bytes.try_get_u32().ok()?;
        let hash = take_text(&mut bytes)?;
        let (Encoding::Identity, identity) = take_body(&mut bytes)? else {
            return None;
        };
        let mut encoded = Vec::with_capacity(Encoding::PREFERRED.len());
        while bytes.has_remaining() {
            encoded.push(take_body(&mut bytes)?);
        }
        let metadata = Metadata { generations, module, generated_at, load_micros };
        Some(Self::new(metadata, EncodedBody { hash, identity, encoded }))
    }
}

impl Metadata {
    /// The first bytes of the binary form, which tell a response from others under the same key.
    pub(super) fn head(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u8(FORM);
        out.put_i64(self.generated_at);
        put_text(&mut out, &self.generations.to_string());
        out.freeze()
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
    // A body of 4 GiB does not exist; were there one, its form would be damaged and not read.
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
