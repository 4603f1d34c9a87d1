//! A stored response: when it was requested and with which fields it came. Everything else about it (age, lifetime, generations,
//! tag) is read from those fields again, so that it cannot disagree with them. Pure; where it is stored is `cache_store`'s matter.

use kairos_protocol::UnixMillis;
use kairos_protocol::api::headers;
use kairos_protocol::http::field::Fields;
use kairos_protocol::http::freshness::{self, FreshnessLifetime};
use kairos_protocol::http::storability::remove_unstorable;
use kairos_protocol::http::validation::freshened;
use kairos_protocol::sync::generation::Generations;
use serde::{Deserialize, Serialize};

/// The targeted cache control that the edge obeys (RFC 9213 §2.2).
pub(crate) const TARGET_LIST: &[&str] = &[headers::CDN_CACHE_CONTROL];

/// The origin's fields that speak of one request, beyond those that HTTP itself knows.
const NOT_STORED: &[&str] = &["x-request-id", "server-timing"];

/// A response with status 200, without its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredResponse {
    requested_at_ms: UnixMillis,
    fields: Fields,
}

impl StoredResponse {
    /// The response to a request of `requested_at_ms`: whatever time it took, it may have been made at its beginning.
    #[must_use]
    pub fn new(mut fields: Fields, requested_at_ms: UnixMillis) -> Self {
        remove_unstorable(&mut fields);
        fields.remove(NOT_STORED);
        Self { requested_at_ms, fields }
    }

    /// When it was requested, or last validated.
    #[must_use]
    pub const fn requested_at_ms(&self) -> UnixMillis {
        self.requested_at_ms
    }

    /// Its fields, as the origin wrote them.
    #[must_use]
    pub const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Seconds since it was made (RFC 9111 §4.2.3); `u32::MAX` when the edge's clock was set back since.
    #[must_use]
    pub fn age_secs(&self, now: UnixMillis) -> u32 {
        freshness::response_age_secs(&self.fields, self.requested_at_ms, now)
    }

    /// Whether it is fresh (RFC 9111 §4.2).
    #[must_use]
    pub fn is_fresh(&self, now: UnixMillis) -> bool {
        self.lifetime().is_some_and(|lifetime| self.age_secs(now) < lifetime.fresh_secs)
    }

    /// How long it may be used. `None`: not at all.
    #[must_use]
    pub fn lifetime(&self) -> Option<FreshnessLifetime> {
        freshness::response_lifetime(&self.fields, TARGET_LIST)
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

    /// Seconds from now on for which it is of any use: as long as it may be served, be it stale.
    #[must_use]
    pub fn store_secs(&self, now: UnixMillis) -> u32 {
        let most =
            self.lifetime().map_or(0, |lifetime| lifetime.fresh_secs.saturating_add(lifetime.stale_if_error_secs));
        most.saturating_sub(self.age_secs(now))
    }

    /// The same response once the origin, asked at `requested_at_ms`, has confirmed it by a 304 with `update` (RFC 9111 §4.3.4).
    #[must_use]
    pub fn freshened(&self, update: &Fields, requested_at_ms: UnixMillis) -> Self {
        Self::new(freshened(&self.fields, update), requested_at_ms)
    }
}

/// The generations that a response's fields name.
#[must_use]
pub fn generations_of(fields: &Fields) -> Generations {
    fields.get(headers::KAIROS_GEN).map(Generations::parse).unwrap_or_default()
}
