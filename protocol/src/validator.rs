//! Entity tags and conditional requests (RFC 9110 §8.8.3, §13), the same at origin and edge. Computes no hash.

use crate::encoding::Encoding;

/// The strong entity tag of one representation: the body's hash and the coding, since each coding has its own bytes.
#[must_use]
pub fn entity_tag(hash: &str, encoding: Encoding) -> String {
    match encoding {
        Encoding::Identity => format!("\"{hash}\""),
        _ => format!("\"{hash}-{}\"", encoding.token()),
    }
}

/// Whether `If-None-Match` names `tag` by weak comparison (RFC 9110 §13.1.2), so that the answer is 304.
#[must_use]
pub fn none_match_names(if_none_match: &str, tag: &str) -> bool {
    let opaque = |t: &str| t.trim().trim_start_matches("W/").to_owned();
    if_none_match.trim() == "*" || if_none_match.split(',').any(|candidate| opaque(candidate) == opaque(tag))
}
