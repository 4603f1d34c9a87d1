//! Compresses bodies, once each: gzip, Brotli and Zstandard, on a blocking thread when they are large. Not which coding a
//! caller gets ([`kairos_protocol::http::encoding::negotiate`]).

use std::io::Write;
use std::num::NonZero;

use bytes::Bytes;
use kairos_protocol::UnixMillis;
use kairos_protocol::http::encoding::Encoding;
use kairos_protocol::policy::MIN_COMPRESSED_BYTES;
use kairos_protocol::sync::generation::Generations;
use tokio::sync::Semaphore;

use super::stored_response::{self, StoredResponse};

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

/// Makes entries; large bodies a few at a time.
pub(super) struct Compressor {
    places: Semaphore,
}

impl Default for Compressor {
    /// As many at a time as there are cores.
    fn default() -> Self {
        Self { places: Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get)) }
    }
}

impl Compressor {
    /// Hashes `body` and compresses it in each of `codings` where that makes it smaller.
    pub(super) async fn entry(
        &self,
        body: Vec<u8>,
        codings: &'static [Encoding],
        generations: Generations,
        made_at: UnixMillis,
    ) -> StoredResponse {
        let identity = Bytes::from(body);
        let (hash, encoded) = self.hash_and_compress(identity.clone(), codings).await;
        StoredResponse { generations, made_at, hash, identity, encoded }
    }

    async fn hash_and_compress(&self, body: Bytes, codings: &'static [Encoding]) -> (String, Vec<(Encoding, Bytes)>) {
        if body.len() < BLOCKING_FROM_BYTES {
            return now(&body, codings);
        }
        // The semaphore is never closed; were it, nothing would bound this, and nothing else were wrong.
        let _place = self.places.acquire().await;
        let copy = body.clone();
        let done = tokio::task::spawn_blocking(move || now(&copy, codings)).await;
        // Only a defect in a compressor gets here; the body itself is still good.
        done.unwrap_or_else(|_| (stored_response::hash(&body), Vec::new()))
    }
}

fn now(body: &Bytes, codings: &[Encoding]) -> (String, Vec<(Encoding, Bytes)>) {
    let long_enough = body.len() >= MIN_COMPRESSED_BYTES;
    let smaller = |encoding: &Encoding| {
        let compressed = compress(body, *encoding).filter(|bytes| bytes.len() < body.len())?;
        Some((*encoding, Bytes::from(compressed)))
    };
    let encoded = codings.iter().filter(|_| long_enough).filter_map(smaller).collect();
    (stored_response::hash(body), encoded)
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
