//! A stored answer: when it was asked for and with which fields it came. Everything else about it (lifetime, generations, tag) is read from those
//! fields again, so that it cannot disagree with them. Pure; where it is kept is `cache_store`'s matter.

use std::time::UNIX_EPOCH;

use kairos_protocol::UnixMillis;
use kairos_protocol::api::headers;
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::freshness;
use kairos_protocol::http::freshness::FreshnessLifetime;
use kairos_protocol::sync::generation::Generations;
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
pub struct StoredResponse {
    asked_at_ms: UnixMillis,
    fields: Fields,
}

impl StoredResponse {
    /// An answer to a request of `asked_at_ms`: whatever time it took, it may have been made at its beginning.
    #[must_use]
    pub fn new(mut fields: Fields, asked_at_ms: UnixMillis) -> Self {
        fields.remove(NOT_KEPT);
        Self { asked_at_ms, fields }
    }

    /// When it was asked for, or last confirmed.
    #[must_use]
    pub const fn asked_at_ms(&self) -> UnixMillis {
        self.asked_at_ms
    }

    /// Its fields, as the origin wrote them.
    #[must_use]
    pub const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Seconds since it was made (RFC 9111 §4.2.3); `u32::MAX` when the edge's clock was set back since.
    #[must_use]
    pub fn age_secs(&self, now: UnixMillis) -> u32 {
        let age_value_secs = self.fields.get("age").map_or(0, freshness::age_value_secs);
        let date = self.fields.get("date").and_then(read_date);
        freshness::current_age_secs(self.asked_at_ms, age_value_secs, date, now)
    }

    /// Whether it is within its freshness.
    #[must_use]
    pub fn is_fresh(&self, now: UnixMillis) -> bool {
        self.lifetime().is_some_and(|lifetime| self.age_secs(now) < lifetime.fresh_secs)
    }

    /// How long it may be used. `None`: not at all.
    #[must_use]
    pub fn lifetime(&self) -> Option<FreshnessLifetime> {
        lifetime_of(&self.fields)
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
        let most =
            self.lifetime().map_or(0, |lifetime| lifetime.fresh_secs.saturating_add(lifetime.stale_if_error_secs));
        most.saturating_sub(self.age_secs(now))
    }

    /// The same answer after the origin, asked at `asked_at_ms`, confirmed it by a 304 with `update` (RFC 9111 §3.2).
    #[must_use]
    pub fn refreshed(&self, update: &Fields, asked_at_ms: UnixMillis) -> Self {
        let mut fields = self.fields.clone();
        // They speak of the answer that is confirmed, not of the confirmation.
        fields.remove(&["age", "date"]);
        // What describes the stored bytes stays with them.
        let describes_bytes =
            |name: &str| matches!(name, "content-encoding" | "content-length" | "content-range" | "etag");
        for (name, value) in update.iter().filter(|(name, _)| !describes_bytes(name)) {
            fields.set(name, value);
        }
        Self::new(fields, asked_at_ms)
    }
}

/// Reads a `Date` (RFC 9110 §5.6.7); one that is none is as if it were not there.
fn read_date(field: &str) -> Option<UnixMillis> {
    let since_1970 = httpdate::parse_http_date(field).ok()?.duration_since(UNIX_EPOCH).ok()?;
    UnixMillis::try_from(since_1970.as_millis()).ok()
}

/// The lifetime that an answer's fields give the edge (RFC 9213 before RFC 9111).
#[must_use]
pub fn lifetime_of(fields: &Fields) -> Option<FreshnessLifetime> {
    let targeted = fields.get(headers::CDN_CACHE_CONTROL).map(CacheControl::parse);
    let general = fields.get("cache-control").map(CacheControl::parse).unwrap_or_default();
    freshness::shared_lifetime(targeted.as_ref(), &general)
}

/// The generations that an answer's fields name.
#[must_use]
pub fn generations_of(fields: &Fields) -> Generations {
    fields.get(headers::KAIROS_GEN).map(Generations::parse).unwrap_or_default()
}
