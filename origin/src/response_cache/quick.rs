//! The quick way of a read, before it is routed: what memory has, fresh and current, with headers that were written once; and where memory
//! has nothing, what Redis has; or, where both have nothing and the process is late, that there is no response: a refusal must cost little, or
//! too much is asked of it still. Whatever else comes of a read goes the long way ([`ResponseCache::get_or_load`]).

use std::fmt::Write;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use kairos_protocol::api::headers::{CACHE_STATUS, ORIGIN_CACHE};
use kairos_protocol::http::cache_status::CacheStatus;
use kairos_protocol::http::encoding::{Encoding, negotiate};
use kairos_protocol::http::validator::none_match_names;
use kairos_protocol::policy::Policy;
use kairos_protocol::sync::generation::Generations;

use super::early;
use super::headers::{ResponseScope, write_policy, write_stored};
use super::reuse::{self, Reuse};
use super::stored_response::StoredResponse;
use super::{Inner, Lookup, NothingShared, ResponseCache};
use crate::error::AppError;

/// Fields of a head, with room for what is added later.
const FIELDS: usize = 14;

/// What came of the quick way.
pub(crate) enum Quick {
    /// The response.
    Hit(Response<Full<Bytes>>),
    /// The long way is left.
    Miss,
    /// The same, and what is known by now.
    NothingShared(NothingShared),
    /// There will be none.
    Refused(AppError),
}

impl ResponseCache {
    /// The stored response to `lookup`, if one is fresh, and known to be current without asking the store.
    pub(crate) async fn get_stored(&self, lookup: &Lookup) -> Quick {
        if !lookup.is_storable() {
            return Quick::Miss;
        }
        let key = self.inner.key_of(lookup);
        if let Some(stored) = self.inner.tiers.get(&key) {
            // One that is stale may still be served to those whom nothing is loaded for.
            return self.inner.get_from_memory(lookup, &stored).await.map_or(Quick::Miss, Quick::Hit);
        }
        let found = if lookup.request.cache_control.no_cache {
            Quick::Miss
        } else {
            self.inner.get_from_redis(lookup, key).await
        };
        match found {
            Quick::Miss | Quick::NothingShared(_) => self.inner.loader.refusal().map_or(found, Quick::Refused),
            _ => found,
        }
    }
}

impl Inner {
    async fn get_from_memory(&self, lookup: &Lookup, stored: &StoredResponse) -> Option<Response<Full<Bytes>>> {
        let namespaces = lookup.policy.namespaces(lookup.subject.as_ref());
        let current = self.cache.current_if_known(&namespaces, &lookup.request.reported).await?;
        let response = self.use_stored(lookup, stored, &current, "memory")?;
        self.metrics.add(lookup.policy, |metrics| &metrics.memory_hits);
        Some(response)
    }

    async fn get_from_redis(&self, lookup: &Lookup, key: String) -> Quick {
        let namespaces = lookup.policy.namespaces(lookup.subject.as_ref());
        let Some((current, stored)) = self.tiers.read_shared(&key, &namespaces, &lookup.request.reported).await else {
            return Quick::Miss;
        };
        let Some(stored) = stored.map(Arc::new) else {
            return Quick::NothingShared(NothingShared { current });
        };
        let Some(response) = self.use_stored(lookup, &stored, &current, "redis") else {
            return Quick::Miss;
        };
        self.tiers.promote(&key.into(), &stored);
        self.metrics.add(lookup.policy, |metrics| &metrics.redis_hits);
        Quick::Hit(response)
    }

    fn use_stored(
        &self,
        lookup: &Lookup,
        stored: &StoredResponse,
        current: &Generations,
        tier: &'static str,
    ) -> Option<Response<Full<Bytes>>> {
        let (lifetime, now) = (lookup.policy.at_origin(), self.environment.now());
        let Reuse::Hit { ttl_secs } = reuse::evaluate(&stored.metadata, &lookup.request, lifetime, current, now) else {
            return None;
        };
        if early::is_near_end(&stored.metadata, lifetime, now) {
            // There it is drawn whether it is loaded anew, and here is nothing to load it with.
            return None;
        }
        self.cache.sample(&stored.metadata.generations, now);
        Some(respond(stored, lookup, ttl_secs, tier))
    }
}

/// `stored` as one caller gets it: in the coding that suits it best, or 304 when it has that already.
fn respond(stored: &StoredResponse, lookup: &Lookup, ttl_secs: u32, tier: &'static str) -> Response<Full<Bytes>> {
    let StoredResponse { body, heads, .. } = stored;
    let wanted = negotiate(lookup.request.accept_encoding.as_deref(), &body.codings());
    let (encoding, bytes) = body.in_coding(wanted);
    let mut head = heads.get_or_write(encoding, || write_head(stored, lookup.policy, encoding));
    head.insert(HeaderName::from_static(CACHE_STATUS), status(ttl_secs, tier));
    let named = lookup.request.if_none_match.as_deref();
    let is_unchanged = named.is_some_and(|named| names(named, head.get(ETAG)));
    let mut response = Response::new(if is_unchanged { Full::default() } else { Full::new(bytes) });
    if is_unchanged {
        head.remove(CONTENT_TYPE);
        head.remove(CONTENT_ENCODING);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    *response.headers_mut() = head;
    response
}

fn write_head(stored: &StoredResponse, policy: Policy, encoding: Encoding) -> HeaderMap {
    let mut head = HeaderMap::with_capacity(FIELDS);
    write_stored(&mut head, &stored.metadata, &stored.body.hash, policy, encoding);
    write_policy(&mut head, policy, ResponseScope::Policy);
    head
}

fn names(if_none_match: &str, tag: Option<&HeaderValue>) -> bool {
    tag.and_then(|tag| tag.to_str().ok()).is_some_and(|tag| none_match_names(if_none_match, tag))
}

fn status(ttl_secs: u32, tier: &'static str) -> HeaderValue {
    let status = CacheStatus::Hit { cache: ORIGIN_CACHE, ttl_secs: ttl_secs.into(), detail: Some(tier) };
    let mut text = BytesMut::with_capacity(64);
    // Writing into memory does not fail, and all of it is visible ASCII.
    let _ = write!(text, "{status}");
    HeaderValue::from_maybe_shared(text.freeze()).unwrap_or_else(|_| HeaderValue::from_static(ORIGIN_CACHE))
}
