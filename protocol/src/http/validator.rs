//! Entity tags: made, and compared (RFC 9110 §8.8.3). Computes no hash; what follows from a comparison is
//! [`crate::http::validation`]'s.

use crate::http::encoding::Encoding;

/// The strong entity tag of one representation: the body's hash and the coding, since each coding has its own bytes.
#[must_use]
pub fn entity_tag(hash: &str, encoding: Encoding) -> String {
    match encoding {
        Encoding::Identity => format!("\"{hash}\""),
        _ => format!("\"{hash}-{}\"", encoding.token()),
    }
}

/// Whether `If-None-Match` names `tag` by weak comparison (RFC 9110 §13.1.2), which makes the response a 304. A tag without
/// quotes matches nothing.
#[must_use]
pub fn none_match_names(if_none_match: &str, tag: &str) -> bool {
    let Some(wanted) = opaque_tags(tag).next() else {
        return false;
    };
    if_none_match.trim() == "*" || opaque_tags(if_none_match).any(|candidate| candidate == wanted)
}

/// What stands between the quotes of each tag. A tag has no quote inside and no escapes, so every second piece is one; what
/// follows the last quote is none.
fn opaque_tags(value: &str) -> impl Iterator<Item = &str> {
    let closed = value.rsplit_once('"').map_or("", |(closed, _)| closed);
    closed.split('"').skip(1).step_by(2)
}
