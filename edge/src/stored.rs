//! A stored answer: when it came and with which fields. Everything else about it (window, generations, tag) is read from those
//! fields again, so that it cannot disagree with them. Pure; where it is kept is `cache_store`'s matter.

use kairos_protocol::UnixMillis;
use kairos_protocol::cache_control::CacheControl;
use kairos_protocol::freshness;
use kairos_protocol::generation::Generations;
use kairos_protocol::headers;
use kairos_protocol::policy::Window;
use serde::{Deserialize, Serialize};

use crate::fields::Fields;

/// Fields that speak of one connection or one request, not of the answer (RFC 9110 §7.6.1), and the cookies of one user.
const NOT_KEPT: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
    headers::CACHE_STATUS,
];

/// An answer with status 200, without its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    received_at_ms: UnixMillis,
    fields: Fields,
}

impl StoredAnswer {
    /// An answer that came at `now`.
    #[must_use]
    pub fn new(mut fields: Fields, now: UnixMillis) -> Self {
        fields.remove(NOT_KEPT);
        Self { received_at_ms: now, fields }
    }

    /// Its fields, as the origin wrote them.
    #[must_use]
    pub const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Seconds since it was made (RFC 9111 §4.2.3).
    #[must_use]
    pub fn age_secs(&self, now: UnixMillis) -> u32 {
        // An unreadable age is read as the largest: stale rather than wrong.
        let when_received = self.fields.get("age").map_or(0, |age| age.trim().parse().unwrap_or(u32::MAX));
        freshness::age_secs(self.received_at_ms, when_received, now)
    }

    /// How long it may be used. `None`: not at all.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        window_of(&self.fields)
    }

    /// What it was made from.
    #[must_use]
    pub fn generations(&self) -> Generations {
        generations_of(&self.fields)
    }

    /// Its entity tag.
    #[must_use]
    pub fn entity_tag(&self) -> Option<&str> {
        self.fields.get("etag")
    }

    /// Seconds for which it is worth keeping, from now on.
    #[must_use]
    pub fn keep_secs(&self, now: UnixMillis) -> u32 {
        let most = self.window().map_or(0, |window| window.fresh_secs.saturating_add(window.stale_if_error_secs));
        most.saturating_sub(self.age_secs(now))
    }

    /// The same answer after the origin confirmed it by a 304 with `update` at `now` (RFC 9111 §3.2).
    #[must_use]
    pub fn refreshed(&self, update: &Fields, now: UnixMillis) -> Self {
        let mut fields = self.fields.clone();
        fields.remove(&["age"]);
        // What describes the stored bytes stays with them.
        let describes_bytes =
            |name: &str| matches!(name, "content-encoding" | "content-length" | "content-range" | "etag");
        for (name, value) in update.iter().filter(|(name, _)| !describes_bytes(name)) {
            fields.set(name, value);
        }
        Self::new(fields, now)
    }
}

/// The window that an answer's fields give the edge (RFC 9213 before RFC 9111).
#[must_use]
pub fn window_of(fields: &Fields) -> Option<Window> {
    let targeted = fields.get(headers::CDN_CACHE_CONTROL).map(CacheControl::parse);
    let general = fields.get("cache-control").map(CacheControl::parse).unwrap_or_default();
    freshness::shared_window(targeted.as_ref(), &general)
}

/// The generations that an answer's fields name.
#[must_use]
pub fn generations_of(fields: &Fields) -> Generations {
    fields.get(headers::KAIROS_GEN).map(Generations::parse).unwrap_or_default()
}
