//! A stored response, whether it may be used, and the text that it has on disk. Not where it is stored.

use std::rc::Rc;

use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::freshness::{self, Freshness};
use kairos_protocol::policy::Policy;

/// A stored response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredResponse {
    /// JSON text.
    pub(crate) body: Rc<str>,
    /// `ETag`.
    pub(crate) etag: Option<Rc<str>>,
    /// The generation of the one namespace that it depends on; 0: unknown.
    pub(crate) generation: u64,
    /// When it was generated, by this browser's clock: when it came, less the `Age` that it had.
    pub(crate) made_at_ms: i64,
    /// Of a learner's: operations with larger numbers are not in it, all others are.
    pub(crate) position: u64,
    /// Whether the disk has it too.
    pub(crate) is_on_disk: bool,
}

/// Whether a stored response may be used now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reuse {
    /// At once.
    Fresh,
    /// At once, while a newer one is fetched (RFC 5861 §3).
    StaleWhileRevalidate,
    /// When a newer one cannot be fetched (RFC 5861 §4).
    StaleIfError,
    /// Not any more.
    Expired,
}

impl StoredResponse {
    /// Decides by age and by what was already `seen` of what it depends on (I-SESSION): what is older than that is only used when
    /// nothing newer can be had.
    pub(crate) fn evaluate(&self, policy: Policy, seen: u64, now: i64) -> Reuse {
        if self.made_at_ms > now {
            // The clock was ahead when it came, or has been set back since: nobody knows how old it is.
            return Reuse::StaleIfError;
        }
        let age_secs = freshness::age_secs(self.made_at_ms, 0, now);
        match freshness::evaluate(age_secs, policy.in_browser(), &CacheControl::default()) {
            Freshness::Expired => Reuse::Expired,
            _ if self.generation < seen => Reuse::StaleIfError,
            Freshness::Fresh { .. } => Reuse::Fresh,
            Freshness::StaleWhileRevalidate => Reuse::StaleWhileRevalidate,
            Freshness::StaleIfError => Reuse::StaleIfError,
        }
    }

    /// Whether it is made from something newer than `other`, or from the same and came later.
    pub(crate) fn supersedes(&self, other: &Self) -> bool {
        (self.generation, self.position, self.made_at_ms) > (other.generation, other.position, other.made_at_ms)
    }

    /// When it may no longer be used for anything.
    pub(crate) fn expires_at(&self, policy: Policy) -> i64 {
        let lifetime = policy.in_browser();
        let longest = lifetime.stale_if_error_secs.max(lifetime.stale_while_revalidate_secs);
        self.made_at_ms.saturating_add((i64::from(lifetime.fresh_secs) + i64::from(longest)) * 1_000)
    }

    pub(crate) fn age_ms(&self, now: i64) -> i64 {
        now.saturating_sub(self.made_at_ms).max(0)
    }

    /// As it lies on disk, but for the generation, which is the row's stamp.
    pub(crate) fn to_text(&self, format: u8) -> Rc<str> {
        let mut text = String::with_capacity(self.body.len() + 64);
        text.push(char::from(format));
        for number in [self.made_at_ms, i64::try_from(self.position).unwrap_or(i64::MAX)] {
            text.push('\n');
            crate::json::writer::push_integer(&mut text, number);
        }
        text.push('\n');
        text.push_str(self.etag.as_deref().unwrap_or_default());
        text.push('\n');
        text.push_str(&self.body);
        text.into()
    }

    /// `None`: the row cannot be read, or is of a newer version than `format`.
    pub(crate) fn from_text(text: &str, generation: u64, format: u8) -> Option<Self> {
        let mut lines = text.splitn(5, '\n');
        let version = lines.next()?.as_bytes().first().copied()?;
        let made_at_ms = lines.next()?.parse().ok()?;
        let position = lines.next()?.parse().ok()?;
        let etag = lines.next()?;
        let body = lines.next()?;
        (version <= format).then(|| Self {
            body: body.into(),
            etag: (!etag.is_empty()).then(|| etag.into()),
            generation,
            made_at_ms,
            position,
            is_on_disk: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(generation: u64) -> StoredResponse {
        let body = "{}\n".into();
        StoredResponse { body, etag: Some("\"x\"".into()), generation, made_at_ms: 0, position: 3, is_on_disk: true }
    }

    #[test]
    fn reuse_follows_age_and_what_was_seen() {
        let day_ms = 86_400_000;
        for (now, seen, expected) in [
            (59_999, 5, Reuse::Fresh),
            (59_999, 0, Reuse::Fresh),
            (59_999, 6, Reuse::StaleIfError),
            (60_000, 5, Reuse::StaleWhileRevalidate),
            (31 * day_ms, 4, Reuse::StaleIfError),
            (91 * day_ms, 4, Reuse::Expired),
            (91 * day_ms, 6, Reuse::Expired),
            (-1, 5, Reuse::StaleIfError),
        ] {
            assert_eq!(stored(5).evaluate(Policy::CatalogList, seen, now), expected, "at {now} having seen {seen}");
        }
    }

    #[test]
    fn a_row_gives_what_was_stored_and_a_newer_version_nothing() {
        let text = stored(5).to_text(b'1');
        assert_eq!(StoredResponse::from_text(&text, 5, b'1'), Some(stored(5)));
        assert_eq!(StoredResponse::from_text(&stored(5).to_text(b'2'), 5, b'1'), None);
        assert_eq!(StoredResponse::from_text("1\nx", 5, b'1'), None);
    }
}
