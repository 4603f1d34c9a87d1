//! Content codings and their negotiation (RFC 9110 §12.5.3), the same at origin and edge. Compresses nothing.

/// A coding that Kaïros stores.
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

/// Bodies shorter than this are sent as they are (row A1).
pub const MIN_COMPRESSED_BYTES: usize = 500;

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

/// Chooses among `available` (identity is always among them) for the value of `Accept-Encoding`. No header or no acceptable
/// coding gives identity: a body that a client may not want is better than none.
#[must_use]
pub fn negotiate(accept_encoding: Option<&str>, available: &[Encoding]) -> Encoding {
    let Some(value) = accept_encoding else {
        return Encoding::Identity;
    };
    let weights = parse_weights(value);
    let weight_of = |encoding: Encoding| {
        let named = weights.iter().find(|(token, _)| Encoding::parse(token) == Some(encoding));
        let any = weights.iter().find(|(token, _)| *token == "*");
        // Identity that nobody named is acceptable, but anything named is preferred to it.
        let unnamed = if encoding == Encoding::Identity { 1 } else { 0 };
        named.or(any.filter(|_| encoding != Encoding::Identity)).map_or(unnamed, |(_, weight)| *weight)
    };
    let is_available = |e: &Encoding| *e == Encoding::Identity || available.contains(e);
    let candidates = Encoding::PREFERRED.iter().copied().filter(is_available);
    let best = candidates.filter(|e| weight_of(*e) > 0).rev_max_by_key(weight_of);
    best.unwrap_or(Encoding::Identity)
}

/// Tokens with their weights in thousandths. A weight that cannot be read counts as 0: not wanted.
fn parse_weights(value: &str) -> Vec<(&str, u16)> {
    let member = |text: &'_ str| -> Option<(usize, u16)> {
        let mut parts = text.split(';');
        let token = parts.next()?.trim();
        let weight = parts.find_map(|p| p.trim().strip_prefix("q=").or_else(|| p.trim().strip_prefix("Q=")));
        let thousandths = weight.map_or(1_000, |w| {
            w.trim().parse::<f32>().ok().filter(|w| (0.0..=1.0).contains(w)).map_or(0, |w| (w * 1_000.0) as u16)
        });
        (!token.is_empty()).then_some((token.len(), thousandths))
    };
    value
        .split(',')
        .filter_map(|text| member(text).and_then(|(length, weight)| Some((text.trim_start().get(..length)?, weight))))
        .collect()
}

trait RevMaxByKey: Iterator + Sized {
    /// Like `max_by_key`, but the first of equals wins.
    fn rev_max_by_key<K: Ord>(self, key: impl Fn(Self::Item) -> K) -> Option<Self::Item>
    where
        Self::Item: Copy,
    {
        self.fold(None, |best, item| match best {
            Some(best) if key(best) >= key(item) => Some(best),
            _ => Some(item),
        })
    }
}

impl<I: Iterator> RevMaxByKey for I {}
