//! A stored response and whether it may be used. Not here: where it is stored, or where a newer one comes from.

use js_sys::JsString;
use kairos_protocol::UnixMillis;
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::freshness::{self, Freshness};
use kairos_protocol::policy::Policy;
use kairos_protocol::sync::generation::Generations;
use serde::{Deserialize, Serialize};

/// Everything about a stored response but its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    /// HTTP status it came with.
    pub(crate) status: u16,
    /// To ask whether it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    /// What it was made from.
    #[serde(with = "generations_text")]
    pub(crate) generations: Generations,
    /// When it was made, by this browser's clock: when it came, less the `Age` it had.
    pub(crate) made_at_ms: UnixMillis,
    /// `Kairos-Degraded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) degraded: Option<String>,
    /// How far in the learner's journal it reaches ([`crate::outbox::Outbox::sequence`]); 0 for what is no learner's. Disks have
    /// it under its first name.
    #[serde(default, rename = "as_of")]
    pub(crate) applied_sequence: u64,
}

/// A response as it is stored. The body stays on JavaScript's side, so that a clone shares the text.
#[derive(Clone)]
pub(crate) struct StoredResponse {
    pub(crate) metadata: Metadata,
    /// JSON text.
    pub(crate) body: JsString,
}

/// Whether it is known how far in the learner's journal a response reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// Its `applied_sequence` says so: what came later in the journal can be applied on top of it.
    Known,
    /// It may include any operation that was ever sent.
    Unknown,
}

/// Where a response came from; `Source` in `kairos-client.d.ts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// This client's memory.
    Memory,
    /// This browser's disk.
    Disk,
    /// The edge's cache.
    Edge,
    Origin,
}

impl Source {
    /// As JavaScript sees it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Edge => "edge",
            Self::Origin => "origin",
        }
    }
}

/// Whether a stored response may be used now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl Metadata {
    /// Decides by age and by what this browser has already seen (I-SESSION): a response made from older generations is only
    /// used when nothing newer can be had.
    pub(crate) fn evaluate(&self, policy: Policy, seen: &Generations, now: UnixMillis) -> Reuse {
        if self.made_at_ms > now {
            // The clock was ahead when it came, or has been set back since: nobody knows how old it is.
            return Reuse::StaleIfError;
        }
        let age_secs = freshness::age_secs(self.made_at_ms, 0, now);
        let behind = !self.generations.satisfies(seen);
        match freshness::evaluate(age_secs, policy.in_browser(), &CacheControl::default()) {
            Freshness::Expired => Reuse::Expired,
            _ if behind => Reuse::StaleIfError,
            Freshness::Fresh { .. } => Reuse::Fresh,
            Freshness::StaleWhileRevalidate => Reuse::StaleWhileRevalidate,
            Freshness::StaleIfError => Reuse::StaleIfError,
        }
    }

    /// Whether it is made from something newer than `other`; of two made from the same, whether it came later.
    pub(crate) fn supersedes(&self, other: &Self) -> bool {
        let is_as_new = self.generations.satisfies(&other.generations);
        let is_newer = !other.generations.satisfies(&self.generations);
        is_as_new && (is_newer || (self.applied_sequence, self.made_at_ms) > (other.applied_sequence, other.made_at_ms))
    }

    /// When it may no longer be used for anything.
    pub(crate) fn expires_at(&self, policy: Policy) -> UnixMillis {
        let lifetime = policy.in_browser();
        let longest = lifetime.stale_if_error_secs.max(lifetime.stale_while_revalidate_secs);
        self.made_at_ms.saturating_add((UnixMillis::from(lifetime.fresh_secs) + UnixMillis::from(longest)) * 1_000)
    }

    /// Milliseconds since it was made.
    pub(crate) fn age_ms(&self, now: UnixMillis) -> UnixMillis {
        now.saturating_sub(self.made_at_ms).max(0)
    }
}

/// [`Generations`] in JSON: the header's text.
pub(crate) mod generations_text {
    use kairos_protocol::sync::generation::Generations;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(generations: &Generations, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(generations)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Generations, D::Error> {
        String::deserialize(deserializer).map(|text| Generations::parse(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reuse_follows_age_and_what_was_seen() {
        let metadata = Metadata {
            status: 200,
            etag: None,
            generations: Generations::parse("catalog=5"),
            made_at_ms: 0,
            degraded: None,
            applied_sequence: 0,
        };
        let day_ms = 86_400_000;
        for (now, seen, expected) in [
            (59_999, "catalog=5", Reuse::Fresh),
            (59_999, "", Reuse::Fresh),
            (59_999, "catalog=6", Reuse::StaleIfError),
            (60_000, "catalog=5", Reuse::StaleWhileRevalidate),
            (31 * day_ms, "catalog=4", Reuse::StaleIfError),
            (91 * day_ms, "catalog=4", Reuse::Expired),
            (91 * day_ms, "catalog=6", Reuse::Expired),
            (-1, "catalog=5", Reuse::StaleIfError),
            (-31 * day_ms, "catalog=4", Reuse::StaleIfError),
        ] {
            let reuse = metadata.evaluate(Policy::CatalogList, &Generations::parse(seen), now);
            assert_eq!(reuse, expected, "at {now} having seen {seen:?}");
        }
    }

    #[test]
    fn metadata_survives_the_disk() {
        let metadata = Metadata {
            status: 200,
            etag: Some("\"x\"".to_owned()),
            generations: Generations::parse("catalog=5, user.a=7"),
            made_at_ms: 12,
            degraded: Some("stale".to_owned()),
            applied_sequence: 3,
        };
        let text = serde_json::to_string(&metadata).unwrap();
        assert_eq!(serde_json::from_str::<Metadata>(&text).unwrap(), metadata);
    }
}
