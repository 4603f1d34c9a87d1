//! Reads `Cache-Control` and its targeted kin (RFC 9111 §5.2, RFC 5861, RFC 9213) from requests and responses. Decides nothing:
//! that is done by [`crate::http::freshness`] and [`crate::http::storability`].

use crate::http::field::split_unquoted;

/// The directives that decisions are made by. Where a directive comes twice or with a bad value, the stricter reading is taken
/// (RFC 9111 §4.2.1); a quoted string that does not end makes the whole `no-store`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheControl {
    /// Seconds.
    pub max_age: Option<u32>,
    /// Seconds, for shared caches.
    pub s_maxage: Option<u32>,
    /// Not to be stored.
    pub no_store: bool,
    /// To be validated before each use. With field names it is read as without: stricter.
    pub no_cache: bool,
    /// Not to be stored by a shared cache. With field names it is read as without: stricter.
    pub private: bool,
    /// May be stored even where a default forbids it.
    pub public: bool,
    /// Never used stale.
    pub must_revalidate: bool,
    /// Never used stale by a shared cache.
    pub proxy_revalidate: bool,
    /// Only from a cache (request).
    pub only_if_cached: bool,
    /// Seconds of RFC 5861 §3.
    pub stale_while_revalidate: Option<u32>,
    /// Seconds of RFC 5861 §4.
    pub stale_if_error: Option<u32>,
}

/// The largest delta-seconds: 2^31 (RFC 9111 §1.2.2).
const MAX_DELTA_SECS: u64 = 1 << 31;

impl CacheControl {
    /// Reads a field value; several field lines are joined with commas by the caller. Unknown directives are ignored.
    #[must_use]
    pub fn parse(value: &str) -> Self {
        let mut directives = Self::default();
        for member in split_unquoted(value, ',') {
            // A quoted string without an end may hide any directive, `no-store` among them.
            directives.no_store |= member.matches('"').count() % 2 == 1;
            match member.split_once('=') {
                Some((name, argument)) => directives.read(name.trim_end(), Some(argument.trim_start())),
                None => directives.read(member, None),
            }
        }
        directives
    }

    fn read(&mut self, name: &str, argument: Option<&str>) {
        match name.to_ascii_lowercase().as_str() {
            "max-age" => set_strictest(&mut self.max_age, argument),
            "s-maxage" => set_strictest(&mut self.s_maxage, argument),
            "stale-while-revalidate" => set_strictest(&mut self.stale_while_revalidate, argument),
            "stale-if-error" => set_strictest(&mut self.stale_if_error, argument),
            "no-store" => self.no_store = true,
            "no-cache" => self.no_cache = true,
            "private" => self.private = true,
            "public" => self.public = true,
            "must-revalidate" => self.must_revalidate = true,
            "proxy-revalidate" => self.proxy_revalidate = true,
            "only-if-cached" => self.only_if_cached = true,
            _ => {}
        }
    }
}

fn set_strictest(slot: &mut Option<u32>, argument: Option<&str>) {
    let secs = argument.map(unquote).and_then(delta_secs).unwrap_or(0);
    *slot = Some(slot.map_or(secs, |earlier| earlier.min(secs)));
}

fn unquote(text: &str) -> &str {
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}

/// Reads delta-seconds (RFC 9111 §1.2.2); too large becomes 2^31.
pub(crate) fn delta_secs(digits: &str) -> Option<u32> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let secs = digits.parse::<u64>().unwrap_or(MAX_DELTA_SECS).min(MAX_DELTA_SECS);
    u32::try_from(secs).ok()
}
