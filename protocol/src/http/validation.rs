//! Validation of stored responses (RFC 9111 §4.3): whether a caller's own is still right, and what a 304 makes of a stored one.
//! Entity tags themselves are [`crate::http::validator`]'s.

use crate::http::field::Fields;
use crate::http::validator::none_match_names;

/// Fields that describe the content, which a 304 does not have (RFC 9110 §15.4.5).
const NOT_IN_304: &[&str] = &["content-encoding", "content-length", "content-range", "content-type"];

/// Fields that describe the stored bytes: a 304 does not change these (RFC 9111 §3.2).
const OF_STORED_BYTES: &[&str] = &["content-encoding", "content-length", "content-range", "etag"];

/// Whether a caller that sends `if_none_match` already has the response with `fields`, and is told so by a 304 (RFC 9110
/// §13.1.2).
#[must_use]
pub fn is_not_modified(if_none_match: Option<&str>, fields: &Fields) -> bool {
    if_none_match.zip(fields.get("etag")).is_some_and(|(named, tag)| none_match_names(named, tag))
}

/// Makes the fields of a response into those of its 304.
pub fn remove_content_fields(fields: &mut Fields) {
    fields.remove(NOT_IN_304);
}

/// The fields of a stored response once a 304 with `update` has confirmed it (RFC 9111 §3.2, §4.3.4). `Age` and `Date` are the
/// confirmation's or none: those stored speak of what was confirmed.
#[must_use]
pub fn freshened(stored: &Fields, update: &Fields) -> Fields {
    let mut fields = stored.clone();
    fields.remove(&["age", "date"]);
    for (name, value) in update.iter().filter(|(name, _)| !OF_STORED_BYTES.contains(name)) {
        fields.set(name, value);
    }
    fields
}
