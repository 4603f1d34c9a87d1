//! The app's files in memory: each with its hash, its headers, and itself in the codings that make it smaller. Bounded; what is larger
//! is refused at the start. Not which of them a request gets ([`super::serve`]).

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use kairos_protocol::http::encoding::Encoding;
use kairos_protocol::policy::MIN_COMPRESSED_BYTES;
use sha2::{Digest, Sha256};

use super::error::ReadError;
use super::media_types;
use super::rules::Rules;

/// Most bytes of all files, before compression. The app has 2 MB.
const MAX_BYTES: usize = 64 << 20;
/// Most files.
const MAX_FILES: usize = 4_096;
/// Most folders in one another: a link may lead in circles.
const MAX_DEPTH: usize = 16;
/// The document behind every view of the app.
pub(super) const DOCUMENT: &str = "/index.html";
/// Said of headers, and not served.
const RULES: &str = "/_headers";
/// How hard Brotli tries, of 11: what is above makes the start several times as long for some per cent less.
const BROTLI_QUALITY: i32 = 9;
const BROTLI_WINDOW_BITS: i32 = 22;
const BROTLI_BUFFER_BYTES: usize = 64 * 1024;

/// A file as it was found: its path from the root of the app, with a slash before, and what is in it.
pub(super) type Found = (String, Bytes);

/// A file as it is served.
#[derive(Debug)]
pub(super) struct File {
    /// Of what is in it.
    pub(super) hash: String,
    pub(super) media_type: &'static str,
    /// Those that it has in every coding, and in a 304 too.
    pub(super) headers: HeaderMap,
    identity: Bytes,
    compressed: Vec<(Encoding, Bytes)>,
}

impl File {
    /// The codings that there are, the best first.
    pub(super) fn codings(&self) -> Vec<Encoding> {
        self.compressed.iter().map(|(coding, _)| *coding).chain([Encoding::Identity]).collect()
    }

    /// Itself in `coding`, or as it is if it is not there in that.
    pub(super) fn in_coding(&self, coding: Encoding) -> (Encoding, Bytes) {
        let found = self.compressed.iter().find(|(there, _)| *there == coding).cloned();
        found.unwrap_or_else(|| (Encoding::Identity, self.identity.clone()))
    }
}

/// All of them, by path.
#[derive(Debug)]
pub(super) struct Files(HashMap<String, File>);

impl Files {
    /// Hashes and compresses what was found. `name.br` and `name.gz` beside `name` are taken for it, compressed by whoever built it.
    pub(super) fn new(found: Vec<Found>) -> Result<Self, ReadError> {
        let found: HashMap<String, Bytes> = found.into_iter().collect();
        let rules =
            found.get(RULES).map_or(Ok(Rules::default()), |text| Rules::parse(&String::from_utf8_lossy(text)))?;
        let is_served = |path: &str| path != RULES && !is_compressed_form(path, &found);
        let file = |(path, bytes): (&String, &Bytes)| (path.clone(), File::new(path, bytes, &found, &rules));
        let mut files: HashMap<_, _> = found.iter().filter(|(path, _)| is_served(path)).map(file).collect();
        if let Some(bytes) = found.get(DOCUMENT) {
            files.insert("/".to_owned(), File::new("/", bytes, &found, &rules));
        }
        Ok(Self(files))
    }

    pub(super) fn get(&self, path: &str) -> Option<&File> {
        self.0.get(path)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl File {
    fn new(path: &str, identity: &Bytes, found: &HashMap<String, Bytes>, rules: &Rules) -> Self {
        let file_path = if path == "/" { DOCUMENT } else { path };
        let media_type = media_types::of(file_path);
        let is_worth_it = identity.len() >= MIN_COMPRESSED_BYTES && media_types::is_compressible(media_type);
        let in_coding = |coding: Encoding, ending: &str| {
            let beside = || found.get(&format!("{file_path}{ending}")).cloned();
            let made = || is_worth_it.then(|| compress(identity, coding)).flatten();
            let form = beside().or_else(made).filter(|form| form.len() < identity.len());
            form.map(|form| (coding, form))
        };
        let forms = [(Encoding::Brotli, ".br"), (Encoding::Gzip, ".gz")];
        let digest = Sha256::digest(identity);
        Self {
            hash: hex::encode(digest).chars().take(32).collect(),
            media_type,
            headers: rules.headers(path),
            identity: identity.clone(),
            compressed: forms.into_iter().filter_map(|(coding, ending)| in_coding(coding, ending)).collect(),
        }
    }
}

/// Whether it is another file's, compressed.
fn is_compressed_form(path: &str, found: &HashMap<String, Bytes>) -> bool {
    [".br", ".gz"].iter().any(|ending| path.strip_suffix(ending).is_some_and(|whole| found.contains_key(whole)))
}

/// `None` only where the compressor has a defect; the file itself is still good.
fn compress(identity: &[u8], coding: Encoding) -> Option<Bytes> {
    let compressed = match coding {
        Encoding::Brotli => {
            let mut out = Vec::new();
            let params = brotli::enc::BrotliEncoderParams {
                quality: BROTLI_QUALITY,
                lgwin: BROTLI_WINDOW_BITS,
                size_hint: identity.len(),
                ..Default::default()
            };
            let mut writer = brotli::CompressorWriter::with_params(&mut out, BROTLI_BUFFER_BYTES, &params);
            writer.write_all(identity).and_then(|()| writer.flush()).ok()?;
            drop(writer);
            out
        }
        Encoding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(identity).ok()?;
            encoder.finish().ok()?
        }
        Encoding::Identity | Encoding::Zstd => return None,
    };
    Some(compressed.into())
}

/// Reads all files below `folder`. Names that begin with a dot, or are not UTF-8, are left out.
pub(super) fn read(folder: &Path) -> Result<Vec<Found>, ReadError> {
    let mut reading = Reading::default();
    reading.read(folder, "", 0)?;
    Ok(reading.found)
}

#[derive(Default)]
struct Reading {
    found: Vec<Found>,
    bytes: usize,
}

impl Reading {
    fn read(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), ReadError> {
        let unreadable = |path: &Path| {
            let path = path.display().to_string();
            move |error| ReadError::Unreadable(path, error)
        };
        if depth > MAX_DEPTH {
            return Err(ReadError::TooLarge("16 folders in one another"));
        }
        for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
            let path = entry.map_err(unreadable(folder))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.'))
            else {
                continue;
            };
            let name = format!("{prefix}/{name}");
            let metadata = fs::metadata(&path).map_err(unreadable(&path))?;
            if metadata.is_dir() {
                self.read(&path, &name, depth + 1)?;
            } else if metadata.is_file() {
                self.bytes = self.bytes.saturating_add(usize::try_from(metadata.len()).unwrap_or(usize::MAX));
                if self.bytes > MAX_BYTES {
                    return Err(ReadError::TooLarge("64 MiB"));
                }
                if self.found.len() == MAX_FILES {
                    return Err(ReadError::TooLarge("4,096 files"));
                }
                self.found.push((name, fs::read(&path).map_err(unreadable(&path))?.into()));
            }
        }
        Ok(())
    }
}
