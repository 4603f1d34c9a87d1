//! Compresses bodies, once each: gzip, Brotli and Zstandard, on a blocking thread when they are large. Not which coding a
//! caller gets ([`kairos_protocol::http::encoding::negotiate`]).

use std::io::Write;
use std::num::NonZero;

use bytes::Bytes;
use kairos_protocol::http::encoding::Encoding;
use kairos_protocol::policy::MIN_COMPRESSED_BYTES;
use tokio::sync::Semaphore;

use super::body::EncodedBody;

/// Bodies from this size on are compressed on a blocking thread: below it takes about as long as the hand-over.
const BLOCKING_FROM_BYTES: usize = 8 * 1024;

/// The codings that are stored beside the body itself.
pub(super) const STORED_CODINGS: &[Encoding] = &[Encoding::Gzip, Encoding::Brotli, Encoding::Zstd];

/// `encoding` alone; nothing for identity.
pub(super) const fn only(encoding: Encoding) -> &'static [Encoding] {
    match encoding {
        Encoding::Identity => &[],
        Encoding::Gzip => &[Encoding::Gzip],
        Encoding::Brotli => &[Encoding::Brotli],
        Encoding::Zstd => &[Encoding::Zstd],
    }
}

/// Compresses; large bodies a few at a time.
pub(super) struct Compressor {
    permits: Semaphore,
}

impl Default for Compressor {
    /// As many at a time as there are cores.
    fn default() -> Self {
        Self { permits: Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get)) }
    }
}

impl Compressor {
    /// Hashes `body`, and compresses it in each of `codings` where that makes it smaller.
    pub(super) async fn encode(&self, body: Vec<u8>, codings: &'static [Encoding]) -> EncodedBody {
        let identity = Bytes::from(body);
        if identity.len() < BLOCKING_FROM_BYTES {
            return encode_now(identity, codings);
        }
        // The semaphore is never closed; were it, nothing would bound this, and nothing else were wrong.
        let _permit = self.permits.acquire().await;
        let shared = identity.clone();
        let encoding = tokio::task::spawn_blocking(move || encode_now(shared, codings)).await;
        // Only a defect in a compressor gets here; the body itself is still good.
        encoding.unwrap_or_else(|_| EncodedBody::uncompressed(identity))
    }
}

fn encode_now(identity: Bytes, codings: &[Encoding]) -> EncodedBody {
    let is_long_enough = identity.len() >= MIN_COMPRESSED_BYTES;
    let smaller = |encoding: &Encoding| {
        let compressed = compress(&identity, *encoding).filter(|bytes| bytes.len() < identity.len())?;
        Some((*encoding, Bytes::from(compressed)))
    };
    let encoded = codings.iter().filter(|_| is_long_enough).filter_map(smaller).collect();
    EncodedBody { encoded, ..EncodedBody::uncompressed(identity) }
}

/// `None` for identity, and when the compressor fails.
fn compress(body: &[u8], encoding: Encoding) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Identity => None,
        Encoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            encoder.write_all(body).ok()?;
            encoder.finish().ok()
        }
        Encoding::Brotli => {
            let mut out = Vec::new();
            // Quality 5: nearly as small as the best, at a tenth of its time.
            let params = brotli::enc::BrotliEncoderParams { quality: 5, size_hint: body.len(), ..Default::default() };
            brotli::BrotliCompress(&mut &*body, &mut out, &params).ok()?;
            Some(out)
        }
        Encoding::Zstd => zstd::bulk::compress(body, 6).ok(),
    }
}
