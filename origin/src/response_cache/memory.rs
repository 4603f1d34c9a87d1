//! The quick way of a read: what memory has, fresh and current, with headers that were written once. Whatever else comes of a read goes
//! the long way ([`ResponseCache::get_or_load`]).

use std::fmt::Write;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use kairos_protocol::api::headers::{CACHE_STATUS, ORIGIN_CACHE};
use kairos_protocol::http::cache_status::CacheStatus;
use kairos_protocol::http::encoding::{Encoding, negotiate};
use kairos_protocol::http::validator::none_match_names;
use kairos_protocol::policy::Policy;

use super::early;
use super::headers::{ResponseScope, write_policy, write_stored};
use super::reuse::{self, Reuse};
use super::stored_response::StoredResponse;
use super::{Lookup, ResponseCache};

/// Fields of a head, with room for what is added later.
const FIELDS: usize = 14;

impl ResponseCache {
    /// The stored response to `lookup`, if memory has one that is fresh, and that is known to be current without asking the store.
    pub(crate) async fn get_from_memory(&self, lookup: &Lookup) -> Option<Response<Full<Bytes>>> {
        let Self { inner } = self;
        if !lookup.is_storable() {
            return None;
        }
        let stored = inner.tiers.get(&inner.key_of(lookup))?;
        let namespaces = lookup.policy.namespaces(lookup.subject.as_ref());
        let current = inner.cache.current_if_known(&namespaces, &lookup.request.reported).await?;
        let (lifetime, now) = (lookup.policy.at_origin(), inner.environment.now());
        let Reuse::Hit { ttl_secs } = reuse::evaluate(&stored.metadata, &lookup.request, lifetime, &current, now)
        else {
            return None;
        };
        if early::is_near_end(&stored.metadata, lifetime, now) {
            // There it is drawn whether it is loaded anew, and here is nothing to load it with.
            return None;
        }
        inner.cache.sample(&stored.metadata.generations, now);
        inner.metrics.memory_hit(lookup.policy);
        inner.tallies.add(lookup.policy, |tally| &tally.memory_hits);
        Some(respond_from_memory(&stored, lookup, ttl_secs))
    }
}

/// `stored` as one caller gets it: in the coding that suits it best, or 304 when it has that already.
fn respond_from_memory(stored: &StoredResponse, lookup: &Lookup, ttl_secs: u32) -> Response<Full<Bytes>> {
    let StoredResponse { body, heads, .. } = stored;
    let wanted = negotiate(lookup.request.accept_encoding.as_deref(), &body.codings());
    let (encoding, bytes) = body.in_coding(wanted);
    let mut head = heads.get_or_write(encoding, || write_head(stored, lookup.policy, encoding));
    head.insert(HeaderName::from_static(CACHE_STATUS), status(ttl_secs));
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

fn status(ttl_secs: u32) -> HeaderValue {
    let status = CacheStatus::Hit { cache: ORIGIN_CACHE, ttl_secs: ttl_secs.into(), detail: Some("memory") };
    let mut text = BytesMut::with_capacity(64);
    // Writing into memory does not fail, and all of it is visible ASCII.
    let _ = write!(text, "{status}");
    HeaderValue::from_maybe_shared(text.freeze()).unwrap_or_else(|_| HeaderValue::from_static(ORIGIN_CACHE))
}
