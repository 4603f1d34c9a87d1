//! The files that were built into the program (`build.rs` lists them). Not in a program that was built without the feature `app`.

use bytes::Bytes;

use super::files::Found;

/// Path and content of each.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/app_files.rs"));

pub(super) fn files() -> Vec<Found> {
    FILES.iter().map(|(path, content)| ((*path).to_owned(), Bytes::from_static(content))).collect()
}
