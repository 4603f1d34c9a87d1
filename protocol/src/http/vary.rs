//! What a response varies by (RFC 9111 §4.1). Not how a cache tells its variants apart: its keys do.

use crate::http::field::Fields;

/// Whether the `Vary` of a response with `fields` names a request field that is none of `covered` (lower case), those that the
/// cache's keys tell apart. `*` is none of them ever: such a response matches no later request.
#[must_use]
pub fn varies_beyond(fields: &Fields, covered: &[&str]) -> bool {
    let names = fields.get("vary").unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    let is_covered = |name: &str| covered.iter().any(|covered| name.eq_ignore_ascii_case(covered));
    names.into_iter().any(|name| !is_covered(name))
}
