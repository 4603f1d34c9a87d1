//! The heads of a stored response, one per coding, each written once. Not what they say (`headers`).

use std::sync::OnceLock;

use http::HeaderMap;
use kairos_protocol::http::encoding::Encoding;

/// Those that were asked for so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Heads([OnceLock<HeaderMap>; Encoding::PREFERRED.len()]);

impl Heads {
    /// The one for `encoding`, by `write` if it is the first time. What it writes is the same each time: a stored response is of one
    /// policy.
    pub(super) fn get_or_write(&self, encoding: Encoding, write: impl Fn() -> HeaderMap) -> HeaderMap {
        let place = Encoding::PREFERRED.iter().position(|one| *one == encoding).and_then(|index| self.0.get(index));
        place.map_or_else(&write, |place| place.get_or_init(&write).clone())
    }
}
