//! Content codings and their negotiation (RFC 9110 §8.4.1, §12.5.3). Compresses nothing.

use crate::http::field::Fields;

/// A content coding (RFC 9110 §8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

impl Encoding {
    /// All of them, in the order that is preferred between equals: smallest first.
    pub const PREFERRED: &[Self] = &[Self::Brotli, Self::Zstd, Self::Gzip, Self::Identity];

    /// The token in `Content-Encoding` and `Accept-Encoding`.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// The reverse of [`Encoding::token`]; `x-gzip` is `gzip` (RFC 9110 §8.4.1.3).
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        let token = token.trim();
        if token.eq_ignore_ascii_case("x-gzip") {
            return Some(Self::Gzip);
        }
        Self::PREFERRED.iter().copied().find(|e| e.token().eq_ignore_ascii_case(token))
    }
}

/// The coding that the `Content-Encoding` of a response with `fields` names, [`Encoding::Identity`] where there is none. `None`:
/// one that is not known here, or several.
#[must_use]
pub fn content_encoding(fields: &Fields) -> Option<Encoding> {
    fields.get("content-encoding").map_or(Some(Encoding::Identity), Encoding::parse)
}

/// Chooses among `available` (identity is always among them) for the value of `Accept-Encoding`. Where nothing is wanted, for
/// want of a field or of an available coding, it is identity: acceptable when nobody names it, and still better than no content.
#[must_use]
pub fn negotiate(accept_encoding: Option<&str>, available: &[Encoding]) -> Encoding {
    let value = accept_encoding.unwrap_or_default();
    // `max_by` keeps the last of equals: the order is reversed so that the preferred one comes last.
    let candidates =
        Encoding::PREFERRED.iter().rev().copied().filter(|e| available.contains(e) || *e == Encoding::Identity);
    candidates
        .map(|encoding| (encoding, weight(value, encoding)))
        .filter(|(_, weight)| *weight > 0.0)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map_or(Encoding::Identity, |(encoding, _)| encoding)
}

/// How much `accept_encoding` wants `encoding`, 0 to 1: what it says of the coding itself, else of `*`.
fn weight(accept_encoding: &str, encoding: Encoding) -> f32 {
    let members = || accept_encoding.split(',').map(read_member);
    let named = members().find(|(coding, _)| Encoding::parse(coding) == Some(encoding));
    let any = members().find(|(coding, _)| *coding == "*");
    named.or(any).map_or(0.0, |(_, weight)| weight)
}

/// One member of `Accept-Encoding`: its coding and its weight, 1 where none is given. A weight that cannot be read counts as
/// 0: not wanted.
fn read_member(member: &str) -> (&str, f32) {
    let (coding, parameters) = member.split_once(';').unwrap_or((member, ""));
    let quality =
        parameters.split(';').filter_map(|p| p.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    let weight = quality.map_or(1.0, |(_, value)| {
        value.trim().parse().ok().filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(0.0)
    });
    (coding.trim(), weight)
}
