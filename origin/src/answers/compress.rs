//! Compresses bodies, once each: gzip, Brotli and Zstandard, on a blocking thread when they are large. Not which coding a
//! caller gets ([`kairos_protocol::encoding::negotiate`]).

use std::io::Write;

use bytes::Bytes;
use kairos_protocol::encoding::{Encoding, MIN_COMPRESSED_BYTES};

use super::entry;

/// Bodies from this size on are compressed on a blocking thread: below it takes about as long as the hand-over.
const BLOCKING_FROM_BYTES: usize = 8 * 1024;

/// The three that are kept beside the body itself.
pub(super) const KEPT: &[Encoding] = &[Encoding::Gzip, Encoding::Brotli, Encoding::Zstd];

/// `encoding` alone; nothing for identity.
pub(super) fn only(encoding: Encoding) -> &'static [Encoding] {
    match encoding {
        Encoding::Identity => &[],
        Encoding::Gzip => &[Encoding::Gzip],
        Encoding::Brotli => &[Encoding::Brotli],
        Encoding::Zstd => &[Encoding::Zstd],
    }
}

/// The body's hash, and the body in each of `codings` where that is smaller.
pub(super) async fn hash_and_compress(body: Bytes, codings: &'static [Encoding]) -> (String, Vec<(Encoding, Bytes)>) {
    if body.len() < BLOCKING_FROM_BYTES {
        return now(&body, codings);
    }
    let copy = body.clone();
    let done = tokio::task::spawn_blocking(move || now(&copy, codings)).await;
    // Only a defect in a compressor gets here; the body itself is still good.
    done.unwrap_or_else(|_| (entry::hash(&body), Vec::new()))
}

fn now(body: &Bytes, codings: &[Encoding]) -> (String, Vec<(Encoding, Bytes)>) {
    let long_enough = body.len() >= MIN_COMPRESSED_BYTES;
    let smaller = |encoding: &Encoding| {
        let compressed = compress(body, *encoding).filter(|bytes| bytes.len() < body.len())?;
        Some((*encoding, Bytes::from(compressed)))
    };
    let encoded = codings.iter().filter(|_| long_enough).filter_map(smaller).collect();
    (entry::hash(body), encoded)
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
